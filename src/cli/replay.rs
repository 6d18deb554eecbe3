//! `replay`: cases put back to work, and what new rules would make of published results.

use std::process::ExitCode;

use anyhow::{Result, bail};
use chrono::{DateTime, Utc};
use clap::ValueEnum;

use super::server::pass_and_print;
use super::{Usage, moment, strict_code, warn_of_placeholder};
use crate::config::{Config, Mode};
use crate::service::brake::Alteration;
use crate::service::output::print;
use crate::service::pass::{PassOptions, PassReport};
use crate::service::publish::Change;
use crate::service::replay::Selection;
use crate::service::serve::Runner;

#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("which").required(true).multiple(true)))]
pub(super) struct ReplayArguments {
    /// This case, which an earlier pass has seen
    #[arg(long, value_name = "ID", group = "which", conflicts_with_all = ["reason", "since", "all_on_ruleset_change"])]
    case: Option<String>,
    /// Reports that an earlier pass left open for this reason, also those that wait for a later pass
    #[arg(
        long,
        value_name = "CODE",
        group = "which",
        conflicts_with = "all_on_ruleset_change"
    )]
    reason: Option<Reason>,
    /// Cases of which something was written, and reports left open, since then (a date or a FHIR instant); with --reason
    /// only the latter
    #[arg(long, value_name = "WHEN", value_parser = moment, group = "which", conflicts_with = "all_on_ruleset_change")]
    since: Option<DateTime<Utc>>,
    /// Every published case under the rules and mapping in force: writes nothing, and prints how many results they would
    /// alter and how
    ///
    /// Reports in which earlier rules found nothing are not among them; `run --since` reads those.
    #[arg(long, group = "which")]
    all_on_ruleset_change: bool,
    /// Write what the rules and mapping in force alter; the brake does not hold them any more
    #[arg(long, requires = "all_on_ruleset_change")]
    confirm: bool,
    /// Exit with 1 when some cases wait for review or retry
    #[arg(long)]
    strict: bool,
}

/// Why a report was left open.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Reason {
    /// The server was busy or unclear, or somebody else was at the case
    Retry,
    /// Refused, or not readable
    Failed,
    /// New rules would alter its result, and nobody has confirmed them
    Brake,
}

impl Reason {
    fn code(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Failed => "failed",
            Self::Brake => "brake",
        }
    }
}

pub(super) async fn replay(config: Config, arguments: ReplayArguments) -> Result<ExitCode> {
    warn_of_placeholder(&config);
    if arguments.all_on_ruleset_change && config.mode == Mode::Shadow {
        bail!(Usage(
            "mode is shadow: nothing is published, so no rules can alter it".to_owned()
        ));
    }
    let limit = config.brake.max_changed;
    let runner = Runner::open(config).await?;
    let ended = match arguments.all_on_ruleset_change && !arguments.confirm {
        true => survey(&runner, limit).await,
        false => put_back(&runner, &arguments).await,
    };
    runner.close().await;
    Ok(strict_code(arguments.strict, &ended?.ledger))
}

/// A pass over the cases that were asked for.
async fn put_back(runner: &Runner, arguments: &ReplayArguments) -> Result<PassReport> {
    let selection = match (&arguments.case, arguments.reason, arguments.since) {
        (Some(case), ..) => Selection::Case(case.clone()),
        (None, Some(reason), since) => Selection::LeftOpen(Some(reason.code()), since),
        (None, None, Some(since)) => Selection::Since(since),
        (None, None, None) => Selection::Published,
    };
    let units = runner.units(&selection).await?;
    if let (Selection::Case(case), true) = (&selection, units.is_empty()) {
        bail!(Usage(format!("{case} is not known here; run a pass first")));
    }
    if arguments.confirm {
        runner.confirm_rules().await?;
    }
    let options = PassOptions {
        only: Some(units),
        ..PassOptions::default()
    };
    pass_and_print(runner, &options).await
}

/// What the rules in force would alter, by kind, and what the brake would do.
async fn survey(runner: &Runner, limit: usize) -> Result<PassReport> {
    let report = runner.survey().await?;
    let counted = |alteration: &Alteration| alteration.counts();
    let altered: u64 = (report.altered.iter())
        .filter(|(alteration, _)| counted(alteration))
        .map(|(_, count)| count)
        .sum();
    for (alteration, count) in &report.altered {
        print(&format!("{count:>8}  {alteration}\n"))?;
    }
    let first = report.changes.get(&Change::New).copied().unwrap_or(0);
    if first > 0 {
        print(&format!("{first:>8}  first result; not counted\n"))?;
    }
    let brake = if report.rules_are_confirmed {
        "these rules are confirmed, so nothing holds them".to_owned()
    } else if report.altered_in_all > limit {
        format!("more than brake.max_changed = {limit}, so passes stop there; --confirm writes all")
    } else {
        format!("not more than brake.max_changed = {limit}, so passes write them as they meet them")
    };
    print(&format!(
        "{altered} published results would be altered: {brake}\n"
    ))?;
    print(&format!("nothing was written: {}\n", report.ledger))?;
    Ok(report)
}
