//! The commands. Data goes to standard output alone; what a person watches goes to standard error.

mod check;
mod explain;
mod mappings;
mod offline;
mod replay;
mod review;
mod server;

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use chrono::{DateTime, Utc};
use clap::{Parser, Subcommand, ValueEnum};
use tracing_subscriber::EnvFilter;

use crate::app::MappingFileUnreadable;
use crate::config::{Config, ConfigError};
use crate::fhir::dates::{Date, Precision};
use crate::her2::evidence::{Site, SiteFinding};
use crate::her2::guideline::Edition;
use crate::mapping::table::MappingError;
use crate::pipeline::CaseResult;
use crate::pipeline::ledger::Ledger;
use crate::render;
use crate::service::client::{ClientError, ClientSetupError};
use crate::service::demo;
use crate::service::desk::DeskError;
use crate::service::fake_server::{Dialect, Fault};
use crate::service::output::print;
use crate::service::pass::PassOptions;
use crate::service::publish::known::TargetError;
use crate::service::serve::UnknownRelease;
use crate::service::store::StoreError;

/// Some cases wait for review or retry (with `--strict`).
const SOME_WAIT: u8 = 1;
/// Wrong usage or settings, or nothing readable in the input.
const WRONG_INPUT: u8 = 2;
/// The server or the store could not be reached.
const UNREACHABLE: u8 = 3;
/// A fault of this program.
const INTERNAL: u8 = 4;

/// HER2 reports from a FHIR server in, coded and explained results out.
#[derive(Debug, Parser)]
#[command(version, about)]
pub struct Arguments {
    /// The site's settings over config/default.toml.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The whole job on shipped reports, with a FHIR server in this process
    Demo {
        /// Keep the FHIR server up until Ctrl-C
        #[arg(long)]
        serve: bool,
    },
    /// One pass: pull what changed, derive, write back, print the ledger
    Run {
        /// Begin here instead of where the last pass ended (a date or a FHIR instant)
        #[arg(long, value_name = "WHEN", value_parser = moment)]
        since: Option<DateTime<Utc>>,
        /// Write nothing; print what would change on the server, field by field
        #[arg(long)]
        dry_run: bool,
        /// Exit with 1 when some cases wait for review or retry
        #[arg(long)]
        strict: bool,
        #[command(flatten)]
        guideline: GuidelineArguments,
    },
    /// A pass at once and then every `schedule.interval_seconds`, until SIGINT or SIGTERM
    ///
    /// It ends after the pass in hand. SIGHUP reads the mapping files again: new ones that can be used are in force from
    /// the next pass on, and otherwise the old ones stay and the log says why. There is no HTTP door yet: no
    /// subscriptions, pages or metrics.
    Serve,
    /// The same job offline: FHIR JSON, a Bundle or NDJSON in (also gzipped), the resources it would write out
    Derive {
        #[command(flatten)]
        input: InputArguments,
        /// The moment of `issued` and `recorded`; by default the newest of the input
        #[arg(long, value_name = "INSTANT", value_parser = instant)]
        now: Option<String>,
        /// Exit with 1 when some cases wait for review
        #[arg(long)]
        strict: bool,
        #[command(flatten)]
        guideline: GuidelineArguments,
    },
    /// One decision record per case; with --guideline, text and Markdown show the settings' edition beside it
    Explain {
        #[command(flatten)]
        input: InputArguments,
        /// A case that an earlier pass has seen, read from the server
        #[arg(long, value_name = "ID", conflicts_with = "files")]
        case: Option<String>,
        /// How to print it
        #[arg(long, value_enum, default_value_t = ExplainFormat::Text)]
        format: ExplainFormat,
        #[command(flatten)]
        guideline: GuidelineArguments,
    },
    /// The whole decision table of every edition, or of one; or what becomes of a result when its sources change
    Table {
        /// The edition; by default every one, one after the other
        #[arg(long, value_name = "EDITION", value_parser = edition)]
        guideline: Option<Edition>,
        /// Every event of a source by how far the result has come, and what becomes of the result
        #[arg(long, conflicts_with = "guideline")]
        supersession: bool,
        /// How to print it
        #[arg(long, value_enum, default_value_t = TableFormat::Text)]
        format: TableFormat,
    },
    /// Put cases back to work: read what they rest on, derive, and write what differs
    ///
    /// A pass over these cases alone; how far passes have read does not move. What stands as it should is left alone.
    Replay(replay::ReplayArguments),
    /// The worklist at a terminal: what is open, and the answers of those who may sign
    #[command(subcommand)]
    Review(review::ReviewCommand),
    /// Settings, connection and what the server can do; what is wrong and how to mend it
    Check {
        /// Also try what the server to write to honours, on a tagged Basic that is deleted after.
        #[arg(long)]
        probe_write: bool,
        /// Only how the results of shadow mode compare with what the laboratory reported; asks no server
        #[arg(long, conflicts_with = "probe_write")]
        shadow: bool,
    },
    /// Mapping files: what codes and words of a laboratory mean
    #[command(subcommand)]
    Mappings(mappings::MappingsCommand),
    /// The FHIR server of the demo and the tests alone, with faults to order
    FakeServer {
        /// Where to listen
        #[arg(long, default_value = "127.0.0.1:8080")]
        listen: SocketAddr,
        /// A fault, such as `latency:ms=250` or `status:code=429,retry-after=2,times=3`; may be given several times
        #[arg(long, value_name = "FAULT")]
        fault: Vec<Fault>,
        /// A way in which the server differs for good, such as `server-assigned-ids=404` or `no-rollback`; may be given
        /// several times
        #[arg(long, value_name = "DIALECT")]
        dialect: Vec<Dialect>,
        /// Bundles to load
        #[arg(value_name = "BUNDLE")]
        bundles: Vec<PathBuf>,
    },
}

#[derive(Debug, clap::Args)]
struct InputArguments {
    /// Files of FHIR JSON; `-` is standard input
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct GuidelineArguments {
    /// The edition for every case whose site it covers, over the settings
    #[arg(long, value_name = "EDITION", value_parser = edition)]
    guideline: Option<Edition>,
    /// The primary site where the data name none, over the settings
    #[arg(long, value_name = "SITE", value_parser = site)]
    assume_site: Option<Site>,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum ExplainFormat {
    Json,
    Ndjson,
    Text,
    Markdown,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum TableFormat {
    Text,
    Markdown,
    Csv,
}

/// Runs a command and gives the exit code: 0 all accounted for, 1 some wait (`--strict`), 2 wrong usage or input,
/// 3 server or store unreachable, 4 a fault of this program.
pub async fn run(arguments: Arguments) -> ExitCode {
    let config = Config::load(arguments.config.as_deref());
    let filter = config
        .as_ref()
        .map_or("info", |config| config.log.filter.as_str());
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info")))
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let result = match config {
        Ok(config) => dispatch(arguments.command, config).await,
        Err(error) => Err(error.into()),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::from(code_of(&error))
        }
    }
}

fn code_of(error: &anyhow::Error) -> u8 {
    for cause in error.chain() {
        if cause.is::<ConfigError>()
            || cause.is::<MappingError>()
            || cause.is::<MappingFileUnreadable>()
            || cause.is::<ClientSetupError>()
            || cause.is::<UnknownRelease>()
            || matches!(cause.downcast_ref(), Some(TargetError::Unfenced))
            || cause.is::<Usage>()
            || matches!(cause.downcast_ref(), Some(DeskError::Refused(_)))
        {
            return WRONG_INPUT;
        }
        match cause.downcast_ref() {
            Some(StoreError::Unbalanced { .. } | StoreError::NotAnInstant) => return INTERNAL,
            Some(_) => return UNREACHABLE,
            None => {}
        }
        if cause.is::<ClientError>() {
            return UNREACHABLE;
        }
    }
    INTERNAL
}

/// A mistake of the person at the keyboard.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Usage(String);

async fn dispatch(command: Command, config: Config) -> Result<ExitCode> {
    match command {
        Command::Demo { serve } => {
            demo::run(config, serve).await?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Run {
            since,
            dry_run,
            strict,
            guideline,
        } => {
            server::run_pass(
                with(config, &guideline),
                PassOptions {
                    since,
                    dry_run,
                    ..PassOptions::default()
                },
                strict,
            )
            .await
        }
        Command::Derive {
            input,
            now,
            strict,
            guideline,
        } => offline::derive_files(&with(config, &guideline), &input.files, now, strict),
        Command::Explain {
            input,
            case,
            format,
            guideline,
        } => {
            let config = with(config, &guideline);
            match case {
                Some(case) => server::explain_case(&config, &case, format).await,
                None => offline::explain_files(&config, &input.files, format),
            }
        }
        Command::Table {
            guideline,
            supersession,
            format,
        } => {
            let format = match format {
                TableFormat::Text => render::Format::Text,
                TableFormat::Markdown => render::Format::Markdown,
                TableFormat::Csv => render::Format::Csv,
            };
            let editions = guideline.map_or(Edition::ALL.to_vec(), |edition| vec![edition]);
            let table = match supersession {
                true => render::supersession(format),
                false => render::tables(&editions, format),
            };
            print(&table)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Check { shadow: true, .. } => check::shadow(&config).await,
        Command::Check { probe_write, .. } => check::check(&config, probe_write).await,
        Command::Replay(arguments) => replay::replay(config, arguments).await,
        Command::Review(command) => review::review(config, command).await,
        Command::Mappings(command) => mappings::run(command, &config).await,
        Command::Serve => server::serve(config).await,
        Command::FakeServer {
            listen,
            fault,
            dialect,
            bundles,
        } => server::fake_server(listen, fault, dialect, bundles).await,
    }
}

fn with(mut config: Config, guideline: &GuidelineArguments) -> Config {
    config.guideline.editions.chosen = guideline.guideline;
    if guideline.assume_site.is_some() {
        config.guideline.assume_site = guideline.assume_site;
    }
    config
}

/// Says how many cases are decided by another edition than the one asked for, since that one does not cover their site.
struct Uncovered {
    chosen: Option<Edition>,
    seen: usize,
    instead: BTreeMap<String, usize>,
}

impl Uncovered {
    fn new(chosen: Option<Edition>) -> Self {
        Self {
            chosen,
            seen: 0,
            instead: BTreeMap::new(),
        }
    }

    fn count<'c>(&mut self, cases: impl Iterator<Item = &'c CaseResult>) {
        let Some(chosen) = self.chosen else { return };
        for case in cases {
            self.seen += 1;
            match case.evidence.site {
                SiteFinding::Known(site) if !chosen.covers(site) => {
                    let instead = if case.edition.covers(site) {
                        format!("decided by {}", case.edition.id())
                    } else {
                        format!("of site {}, which no edition covers", site.name())
                    };
                    *self.instead.entry(instead).or_default() += 1;
                }
                _ => {}
            }
        }
    }

    fn warn(&self) {
        let Some(chosen) = self.chosen.filter(|_| !self.instead.is_empty()) else {
            return;
        };
        let instead: Vec<String> = (self.instead.iter())
            .map(|(instead, count)| format!("{count} {instead}"))
            .collect();
        tracing::warn!(
            "{} does not cover the site of {} of {} cases: {}",
            chosen.id(),
            self.instead.values().sum::<usize>(),
            self.seen,
            instead.join(", ")
        );
    }
}

fn strict_code(strict: bool, ledger: &Ledger) -> ExitCode {
    let wait = ledger.review + ledger.retry + ledger.failed > 0;
    if strict && wait {
        ExitCode::from(SOME_WAIT)
    } else {
        ExitCode::SUCCESS
    }
}

fn warn_of_placeholder(config: &Config) {
    if config.identifiers.is_placeholder() {
        tracing::warn!(
            "identifiers.base is the reserved example name; set the site's own before results are kept"
        );
    }
}

fn edition(text: &str) -> Result<Edition, String> {
    Edition::parse(text).ok_or_else(|| {
        let known: Vec<&str> = Edition::ALL.iter().map(|edition| edition.id()).collect();
        format!("known editions: {}", known.join(", "))
    })
}

fn site(text: &str) -> Result<Site, String> {
    Site::parse(text).ok_or_else(|| {
        let known = Site::ALL.map(Site::name);
        format!("known sites: {}", known.join(", "))
    })
}

/// A FHIR instant: date, time, seconds and zone, with capital letters and no blank.
fn instant(text: &str) -> Result<String, String> {
    let is_spelt = |byte: u8| byte.is_ascii_digit() || b"-:.+TZ".contains(&byte);
    Date::parse(text)
        .filter(|date| date.precision() == Precision::Instant && text.bytes().all(is_spelt))
        .map(|date| date.text().to_owned())
        .ok_or_else(|| "an instant such as 2026-11-20T10:00:00Z".to_owned())
}

fn moment(text: &str) -> Result<DateTime<Utc>, String> {
    Date::parse(text)
        .map(|date| date.earliest())
        .ok_or_else(|| "a date such as 2026-11-20, or an instant with a zone".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::pass::PassError;

    #[test]
    fn a_fault_of_the_program_is_told_from_a_store_that_cannot_be_used() {
        for (error, code) in [
            (StoreError::NotAnInstant, INTERNAL),
            (
                StoreError::Unbalanced {
                    seen: 2,
                    accounted: 1,
                },
                INTERNAL,
            ),
            (StoreError::Damaged, UNREACHABLE),
        ] {
            let error = anyhow::Error::from(PassError::from(error));
            assert_eq!(code_of(&error), code, "{error:#}");
        }
    }

    #[test]
    fn an_instant_has_seconds_and_a_zone() {
        for text in ["2026-11-20T10:00:00Z", "2026-11-20T10:00:00.250+01:00"] {
            assert_eq!(instant(text).as_deref(), Ok(text));
        }
        for text in [
            "",
            "2026",
            "2026-11-20",
            "2026-11-20T10:00Z",
            "2026-11-20T10:00:00",
            "2026-11-20 10:00:00Z",
            "2026-11-20t10:00:00z",
        ] {
            assert!(instant(text).is_err(), "{text}");
        }
    }
}
