//! `review`: the worklist at a terminal.

use std::process::ExitCode;

use anyhow::{Result, bail};
use chrono::Utc;
use clap::{Subcommand, ValueEnum};

use super::{Usage, warn_of_placeholder};
use crate::config::{Config, Mode};
use crate::pipeline::results::Verdict;
use crate::pipeline::sign_off::Said;
use crate::render;
use crate::service::desk::{About, Desk, Done};
use crate::service::login::login;
use crate::service::output::print;
use crate::service::serve::Runner;

#[derive(Debug, Subcommand)]
pub(super) enum ReviewCommand {
    /// What is open: questions, results to be signed, and changes to be taken note of
    List {
        /// Also what is answered or closed
        #[arg(long)]
        all: bool,
        /// How to print it
        #[arg(long, value_enum, default_value_t = ListFormat::Text)]
        format: ListFormat,
    },
    /// A question or a result to be signed, with its record, the version that would be signed, and the last versions
    Show {
        #[command(flatten)]
        about: AboutArgument,
    },
    /// Sign the version that stands, or answer a question as justified; the login must be in `sign_off.logins`
    Accept {
        #[command(flatten)]
        about: AboutArgument,
        /// The version of the result that was looked at, as `review show` names it; a question needs none
        #[arg(long, value_name = "V")]
        version: Option<String>,
        /// What was found
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Reject the version that stands, or a question as not justified; the login must be in `sign_off.logins`
    Reject {
        #[command(flatten)]
        about: AboutArgument,
        /// The version of the result that was looked at, as `review show` names it; a question needs none
        #[arg(long, value_name = "V")]
        version: Option<String>,
        /// Why
        #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
        reason: String,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct AboutArgument {
    /// A Task (`h2t-…`), or a case (`case-…`): the Task that asks for its signature
    #[arg(value_name = "TASK|CASE", value_parser = about)]
    about: About,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum ListFormat {
    Text,
    Json,
}

fn about(text: &str) -> Result<About, String> {
    About::parse(text).ok_or_else(|| "a Task (h2t-…) or a case (case-…)".to_owned())
}

pub(super) async fn review(config: Config, command: ReviewCommand) -> Result<ExitCode> {
    warn_of_placeholder(&config);
    let (about, version, reason, verdict) = match command {
        ReviewCommand::List { all, format } => {
            return with_runner(config, async |runner| list(runner, all, format).await).await;
        }
        ReviewCommand::Show { about } => {
            return with_runner(config, async |runner| show(runner, &about.about).await).await;
        }
        ReviewCommand::Accept {
            about,
            version,
            reason,
        } => (about.about, version, reason, Verdict::Accept),
        ReviewCommand::Reject {
            about,
            version,
            reason,
        } => (about.about, version, Some(reason), Verdict::Reject),
    };
    let said = Said::by(&signer(&config)?, verdict, reason.as_deref());
    if config.mode == Mode::Shadow {
        let message = "mode is shadow: nothing is published, so there is nothing to answer";
        bail!(Usage(message.to_owned()));
    }
    let version = version.as_deref();
    with_runner(config, async |runner| {
        answer_it(runner, &about, &said, version).await
    })
    .await
}

async fn with_runner(
    config: Config,
    act: impl AsyncFnOnce(&Runner) -> Result<()>,
) -> Result<ExitCode> {
    let runner = Runner::open_as_guest(config).await?;
    let done = act(&runner).await;
    runner.close().await;
    done?;
    Ok(ExitCode::SUCCESS)
}

/// The person of the login that the operating system knows.
fn signer(config: &Config) -> Result<String> {
    let Some(login) = login() else {
        bail!(Usage(
            "the operating system does not tell who you are, so nobody can sign here".to_owned()
        ));
    };
    match config.sign_off.logins.get(&login) {
        Some(signer) => Ok(signer.clone()),
        None => bail!(Usage(format!(
            "the login {login} may not sign: set sign_off.logins = [\"{login} Practitioner/…\"] with the person on the server"
        ))),
    }
}

async fn list(runner: &Runner, all: bool, format: ListFormat) -> Result<()> {
    let tasks = runner
        .desk(false, async |desk| Ok(desk.list(all).await?))
        .await?;
    match format {
        ListFormat::Text => print(&render::worklist(&tasks, Utc::now()))?,
        ListFormat::Json => print(&format!("{}\n", serde_json::to_string_pretty(&tasks)?))?,
    }
    Ok(())
}

async fn show(runner: &Runner, about: &About) -> Result<()> {
    let shown = runner
        .desk(false, async |desk| Ok(desk.show(about).await?))
        .await?;
    print(&render::shown(&shown))?;
    Ok(())
}

async fn answer_it(
    runner: &Runner,
    about: &About,
    said: &Said,
    version: Option<&str>,
) -> Result<()> {
    let act = async |desk: &Desk<'_>| Ok(desk.answer(about, said, version).await?);
    let done = runner.desk(true, act).await?;
    let verb = match said.verdict {
        Verdict::Accept => "accepted",
        Verdict::Reject => "rejected",
    };
    match done {
        Done::Question(task) => print(&format!("{verb}: {task}, by {}\n", said.signer))?,
        Done::Result {
            case,
            version,
            is_due,
        } => {
            print(&format!(
                "{verb}: version {version} of {case}, by {}\n",
                said.signer
            ))?;
            if is_due {
                tracing::warn!("its evidence has changed meanwhile; the next pass looks at it");
            }
        }
    }
    Ok(())
}
