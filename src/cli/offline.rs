//! The commands that work on files alone: `derive`, and `explain FILE…`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};

use super::explain::print_explained;
use super::{ExplainFormat, Usage, WRONG_INPUT, strict_code, warn_of_uncovered};
use crate::app;
use crate::config::Config;
use crate::fhir::pool::{Pool, Rejected};
use crate::pipeline::ledger::{Ended, Ledger, UnitContent};
use crate::pipeline::results::{Release, compose};
use crate::pipeline::{Derived, derive};
use crate::service::files;
use crate::service::output::print;
use crate::service::progress::Progress;

/// `derive`: the resources that would be written, as NDJSON on standard output.
pub(super) fn derive_files(
    config: &Config,
    paths: &[PathBuf],
    now: Option<String>,
    strict: bool,
) -> Result<ExitCode> {
    let rules = app::rules(config)?;
    let publishing = app::publishing(config, Release::R4)?;
    let input = read_files(paths)?;
    let (pool, rejected) = input.pool();
    let now = now.unwrap_or_else(|| files::newest_moment(&pool));
    let derived = derive(&pool, &rules);
    let progress = Progress::new("cases", Some(derived.cases.len() as u64));
    let mut refused = BTreeSet::new();
    for case in &derived.cases {
        match compose(case, &pool, &rules, &publishing, None, &now) {
            Ok(resources) => {
                for written in resources.all() {
                    print(&format!("{}\n", written.text))?;
                }
            }
            Err(invalid) => {
                tracing::error!(
                    case = case.id,
                    "no valid resource can be composed: {invalid}"
                );
                refused.insert(case.id.clone());
            }
        }
        progress.advance();
    }
    progress.finish();
    let ledger = offline_ledger(&derived, &rejected, &refused);
    summarise(&pool, &rejected, &ledger);
    name_unmapped(&derived);
    warn_of_uncovered(rules.guidelines.chosen, derived.cases.iter());
    if is_nothing_readable(&pool, &rejected) {
        return Ok(ExitCode::from(WRONG_INPUT));
    }
    Ok(strict_code(strict, &ledger))
}

/// `explain FILE…`: one decision record per case.
pub(super) fn explain_files(
    config: &Config,
    paths: &[PathBuf],
    format: ExplainFormat,
) -> Result<ExitCode> {
    let rules = app::rules(config)?;
    let input = read_files(paths)?;
    let (pool, rejected) = input.pool();
    let derived = derive(&pool, &rules);
    print_explained(
        &derived.cases.iter().collect::<Vec<_>>(),
        &pool,
        &rules,
        format,
    )?;
    let ledger = offline_ledger(&derived, &rejected, &BTreeSet::new());
    summarise(&pool, &rejected, &ledger);
    name_unmapped(&derived);
    warn_of_uncovered(rules.guidelines.chosen, derived.cases.iter());
    if is_nothing_readable(&pool, &rejected) {
        return Ok(ExitCode::from(WRONG_INPUT));
    }
    Ok(ExitCode::SUCCESS)
}

fn read_files(paths: &[PathBuf]) -> Result<files::Input> {
    if paths.is_empty() {
        bail!(Usage(
            "name at least one file, or `-` for standard input".to_owned()
        ));
    }
    Ok(files::read(paths))
}

/// Whether something was given and none of it could be read; an empty Bundle can be.
fn is_nothing_readable(pool: &Pool<'_>, rejected: &[Rejected]) -> bool {
    !rejected.is_empty() && pool.all().next().is_none()
}

/// The ledger of an offline derivation: every result is new there.
fn offline_ledger(derived: &Derived, rejected: &[Rejected], refused: &BTreeSet<String>) -> Ledger {
    let mut ledger = Ledger::default();
    for _ in rejected {
        ledger.enter(Ended::Failed);
    }
    for unit in &derived.units {
        ledger.enter(match &unit.content {
            UnitContent::NotHer2 => Ended::NotHer2,
            UnitContent::NoResult => Ended::NoResult,
            UnitContent::Cases(cases) => (derived.cases.iter())
                .filter(|case| cases.contains(&case.id))
                .map(|case| match case.decision.review.is_empty() {
                    _ if refused.contains(&case.id) => Ended::Failed,
                    true => Ended::Written,
                    false => Ended::Review,
                })
                .max()
                .unwrap_or(Ended::NotHer2),
        });
    }
    ledger
}

/// How many codes nobody has mapped, and where to look.
pub(super) fn name_unmapped(derived: &Derived) {
    let unmapped = derived.coverage.unmapped().count();
    if unmapped > 0 {
        eprintln!(
            "unmapped codes of HER2 results: {unmapped}; `her2-adapter mappings coverage --unmapped` lists them"
        );
    }
}

/// What was read, on standard error: nothing is in no column.
fn summarise(pool: &Pool<'_>, rejected: &[Rejected], ledger: &Ledger) {
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for resource in pool.all() {
        *kinds.entry(resource.kind.as_str()).or_default() += 1;
    }
    let kinds: Vec<String> = kinds
        .iter()
        .map(|(kind, count)| format!("{count} {kind}"))
        .collect();
    eprintln!(
        "read: {}",
        if kinds.is_empty() {
            "nothing".to_owned()
        } else {
            kinds.join(", ")
        }
    );
    if pool.repeated() > 0 {
        eprintln!("given again or in an older version: {}", pool.repeated());
    }
    for rejected in rejected {
        eprintln!("failed: {}: {}", rejected.place, rejected.why);
    }
    eprintln!("ledger: {ledger}");
}
