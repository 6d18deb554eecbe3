//! The commands that work on files alone: `derive`, and `explain FILE…`.
//!
//! One group of resources that belong together is read, decided, printed and dropped before the next, so that memory does
//! not grow with the number of cases.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};

use super::explain::Explaining;
use super::{ExplainFormat, Uncovered, Usage, WRONG_INPUT, strict_code};
use crate::app;
use crate::config::Config;
use crate::fhir::json::Json;
use crate::fhir::pool::{Pool, Rejected};
use crate::mapping::coverage::CodeKey;
use crate::pipeline::ledger::{Ended, Ledger, UnitContent};
use crate::pipeline::metastases::is_of_distant_metastasis;
use crate::pipeline::results::{Composer, Release};
use crate::pipeline::{Derived, Rules, derive};
use crate::service::files::{self, Entries, Together};
use crate::service::output::print;
use crate::service::progress::Progress;

/// Types of resources that are counted by name. FHIR has some 160; whatever else is called one is counted together.
const MOST_KINDS: usize = 200;

/// What cannot be read is named so often; then it is only counted.
const MOST_NAMED: u64 = 10_000;

/// `derive`: the resources that would be written, as NDJSON on standard output.
pub(super) fn derive_files(
    config: &Config,
    paths: &[PathBuf],
    now: Option<String>,
    strict: bool,
) -> Result<ExitCode> {
    let rules = app::rules(config)?;
    let publishing = app::publishing(config, Release::R4)?;
    let summary = for_each_group(&rules, paths, |derived, pool, newest| {
        let now = now.as_deref().unwrap_or(newest);
        let mut refused = BTreeSet::new();
        for case in &derived.cases {
            match Composer::new(case, pool, &rules, &publishing, now).compose(None) {
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
        }
        Ok(refused)
    })?;
    if summary.is_nothing_readable() {
        return Ok(ExitCode::from(WRONG_INPUT));
    }
    Ok(strict_code(strict, &summary.ledger))
}

/// `explain FILE…`: one decision record per case.
pub(super) fn explain_files(
    config: &Config,
    paths: &[PathBuf],
    format: ExplainFormat,
) -> Result<ExitCode> {
    let rules = app::rules(config)?;
    let mut explaining = Explaining::new(&rules, format);
    let summary = for_each_group(&rules, paths, |derived, pool, _| {
        explaining.print(&derived.cases.iter().collect::<Vec<_>>(), pool)?;
        Ok(BTreeSet::new())
    })?;
    explaining.finish()?;
    if summary.is_nothing_readable() {
        return Ok(ExitCode::from(WRONG_INPUT));
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads files, decides group by group, and says on standard error what became of everything that was read. `act` is
/// given the newest moment of the whole input too, and tells which cases it could not compose.
fn for_each_group(
    rules: &Rules,
    paths: &[PathBuf],
    mut act: impl FnMut(&Derived, &Pool<'_>, &str) -> Result<BTreeSet<String>>,
) -> Result<Summary> {
    if paths.is_empty() {
        bail!(Usage(
            "name at least one file, or `-` for standard input".to_owned()
        ));
    }
    let mut summary = Summary::default();
    let mut uncovered = Uncovered::new(rules.guidelines.chosen);
    let input = files::read(paths);
    for rejected in &input.rejected {
        summary.failed(rejected);
    }
    let bears_on_all = |resource: &Json<'_>| {
        rules.conventions.retest_advice && is_of_distant_metastasis(resource, &rules.mapping)
    };
    let mut reject = |rejected| summary.failed(&rejected);
    let entries = Entries::look_for(&input, rules.patient_summary, &bears_on_all, &mut reject);
    let newest = entries.newest_moment();
    let progress = Progress::new("groups of results", Some(entries.count() as u64));
    for group in entries.groups() {
        let read = group.read(&mut |rejected| summary.failed(&rejected));
        if let Some(together) = read {
            let derived = derive(&together.pool, rules);
            let refused = act(&derived, &together.pool, &newest)?;
            summary.enter(&derived, &refused);
            summary.count(&together);
            uncovered.count(derived.cases.iter());
        }
        progress.advance();
    }
    progress.finish();
    summary.print();
    uncovered.warn();
    Ok(summary)
}

/// What was read, and what became of it: nothing is in no column.
#[derive(Default)]
struct Summary {
    ledger: Ledger,
    kinds: BTreeMap<String, usize>,
    repeated: usize,
    unmapped: BTreeSet<CodeKey>,
}

impl Summary {
    fn failed(&mut self, rejected: &Rejected) {
        if self.ledger.failed < MOST_NAMED {
            eprintln!("failed: {}: {}", rejected.place, rejected.why);
        }
        self.ledger.enter(Ended::Failed);
    }

    /// Every result is new offline.
    fn enter(&mut self, derived: &Derived, refused: &BTreeSet<String>) {
        let ended: BTreeMap<&str, Ended> = (derived.cases.iter())
            .map(|case| {
                let ended = match case.decision.review.is_empty() {
                    _ if refused.contains(&case.id) => Ended::Failed,
                    true => Ended::Written,
                    false => Ended::Review,
                };
                (case.id.as_str(), ended)
            })
            .collect();
        let unmapped = derived.coverage.unmapped().map(|(key, _)| key.clone());
        self.unmapped.extend(unmapped);
        for unit in &derived.units {
            self.ledger.enter(match &unit.content {
                UnitContent::NotHer2 => Ended::NotHer2,
                UnitContent::NoResult => Ended::NoResult,
                UnitContent::Cases(cases) => (cases.iter())
                    .filter_map(|case| ended.get(case.as_str()).copied())
                    .max()
                    .unwrap_or(Ended::NotHer2),
            });
        }
    }

    fn count(&mut self, together: &Together<'_>) {
        self.repeated += together.repeated;
        for (kind, count) in &together.kinds {
            let is_known = self.kinds.contains_key(kind) || self.kinds.len() < MOST_KINDS;
            let kind = if is_known { kind } else { "of other types" };
            *self.kinds.entry(kind.to_owned()).or_default() += count;
        }
    }

    /// Whether something was given and none of it could be read; an empty Bundle can be.
    fn is_nothing_readable(&self) -> bool {
        self.ledger.failed > 0 && self.kinds.is_empty()
    }

    fn print(&self) {
        let kinds: Vec<String> = (self.kinds.iter())
            .map(|(kind, count)| format!("{count} {kind}"))
            .collect();
        let read = match kinds.as_slice() {
            [] => "nothing".to_owned(),
            kinds => kinds.join(", "),
        };
        eprintln!("read: {read}");
        if self.repeated > 0 {
            eprintln!("given again or in an older version: {}", self.repeated);
        }
        if self.ledger.failed > MOST_NAMED {
            eprintln!("failed: {} more", self.ledger.failed - MOST_NAMED);
        }
        eprintln!("ledger: {}", self.ledger);
        name_unmapped(self.unmapped.len());
    }
}

/// How many codes nobody has mapped, and where to look.
pub(super) fn name_unmapped(unmapped: usize) {
    if unmapped > 0 {
        eprintln!(
            "unmapped codes of HER2 results: {unmapped}; `her2-adapter mappings coverage --unmapped` lists them"
        );
    }
}
