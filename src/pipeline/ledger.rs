//! The closed ledger: every report, and every Observation that no report names, ends in exactly one column.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::AddAssign;

use super::cases::Joined;
use super::gather::Gathered;
use super::{Derived, says_no_result};

/// What a unit came to before anything is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnitContent {
    /// Nothing about HER2 in tissue, or nothing that is ever an input.
    NotHer2,
    /// Only that a test is ordered, pending, cancelled or not done.
    NoResult,
    /// It bears on these cases.
    Cases(BTreeSet<String>),
}

/// One unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitResult {
    /// The report or Observation.
    pub key: String,
    /// What it came to.
    pub content: UnitContent,
    /// Cases of this unit that have no evidence left: a retraction, if a result had been written.
    pub emptied: BTreeSet<String>,
    /// Everything the unit was read from.
    pub sources: BTreeSet<String>,
}

/// What each unit came to.
pub(super) fn units(
    gathered: &Gathered<'_>,
    joined: &[Joined],
    derived: &Derived,
) -> Vec<UnitResult> {
    let decided: BTreeSet<&str> = derived.cases.iter().map(|case| case.id.as_str()).collect();
    gathered
        .units
        .iter()
        .map(|unit| {
            let mut cases = BTreeSet::new();
            let mut emptied = BTreeSet::new();
            let mut no_result = false;
            let mut sources = BTreeSet::new();
            for index in &unit.items {
                let (Some(item), Some(joined)) = (gathered.items.get(*index), joined.get(*index))
                else {
                    continue;
                };
                sources.insert(item.source.reference.clone());
                if item.pieces.is_empty() {
                    continue;
                }
                let id = joined.key.id();
                no_result |= says_no_result(item);
                match (decided.contains(id.as_str()), item.is_evidence()) {
                    (true, true) => {
                        cases.insert(id);
                    }
                    (true, false) => {}
                    (false, _) => {
                        emptied.insert(id);
                    }
                }
            }
            // The view of a tumour changes with each of its specimens.
            let views = (derived.cases.iter())
                .filter(|case| case.is_patient_view())
                .filter(|view| view.related.iter().any(|of| cases.contains(&of.case)))
                .map(|view| view.id.clone());
            let views: Vec<String> = views.collect();
            cases.extend(views);
            let content = match (cases.is_empty(), no_result) {
                (false, _) => UnitContent::Cases(cases),
                (true, true) => UnitContent::NoResult,
                (true, false) => UnitContent::NotHer2,
            };
            UnitResult {
                key: unit.key.to_owned(),
                content,
                emptied,
                sources,
            }
        })
        .collect()
}

/// How a unit ended, best first: the worst outcome of its cases wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ended {
    /// Nothing about HER2.
    NotHer2,
    /// No result yet.
    NoResult,
    /// Known already.
    Unchanged,
    /// A result was written, changed or withdrawn.
    Written,
    /// A person is asked.
    Review,
    /// To be tried again.
    Retry,
    /// Not readable, or refused for good.
    Failed,
}

/// The columns of the ledger; they add up to what was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Results written, changed or withdrawn.
    pub written: u64,
    /// Known already.
    pub unchanged: u64,
    /// Nothing about HER2.
    pub not_her2: u64,
    /// No result yet.
    pub no_result: u64,
    /// A person is asked.
    pub review: u64,
    /// To be tried again.
    pub retry: u64,
    /// Not readable, or refused for good.
    pub failed: u64,
}

impl Ledger {
    /// Everything that was seen.
    pub fn seen(&self) -> u64 {
        self.written
            + self.unchanged
            + self.not_her2
            + self.no_result
            + self.review
            + self.retry
            + self.failed
    }

    /// Enters one unit.
    pub fn enter(&mut self, ended: Ended) {
        let column = match ended {
            Ended::NotHer2 => &mut self.not_her2,
            Ended::NoResult => &mut self.no_result,
            Ended::Unchanged => &mut self.unchanged,
            Ended::Written => &mut self.written,
            Ended::Review => &mut self.review,
            Ended::Retry => &mut self.retry,
            Ended::Failed => &mut self.failed,
        };
        *column += 1;
    }
}

impl AddAssign for Ledger {
    fn add_assign(&mut self, other: Self) {
        self.written += other.written;
        self.unchanged += other.unchanged;
        self.not_her2 += other.not_her2;
        self.no_result += other.no_result;
        self.review += other.review;
        self.retry += other.retry;
        self.failed += other.failed;
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} seen = {} written + {} unchanged + {} not-her2 + {} no-result + {} review + {} retry + {} failed",
            self.seen(),
            self.written,
            self.unchanged,
            self.not_her2,
            self.no_result,
            self.review,
            self.retry,
            self.failed
        )
    }
}
