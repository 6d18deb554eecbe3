//! What is left out although it was said: withdrawn with its report, or replaced by a later result.

use std::collections::BTreeMap;

use super::Item;
use crate::fhir::candidates::{Candidates, ObservationNode, ReportNode};
use crate::fhir::dates::Date;
use crate::mapping::normalise::Piece;

/// Leaves out what its report withdrew and what a later result replaced.
pub(super) fn withhold(
    item: &mut Item<'_>,
    candidates: &Candidates<'_>,
    superseded: &BTreeMap<&str, &str>,
) {
    let mut reports = item
        .reports
        .iter()
        .filter_map(|report| candidates.reports.get(report))
        .peekable();
    if reports.peek().is_some() && reports.all(is_withdrawn) {
        exclude(item, "withdrawn with its report");
    }
    if let Some(by) = superseded.get(item.source.reference.as_str()) {
        exclude(item, &format!("superseded by {by}"));
    }
}

/// Leaves an item out of the evidence, with the reason in its place.
pub(super) fn exclude(item: &mut Item<'_>, why: &str) {
    if item.is_evidence() || item.pieces.contains(&Piece::NoResult) {
        item.pieces = vec![Piece::Excluded {
            why: why.to_owned(),
        }];
    }
}

/// Whether a report has been taken back.
pub(super) fn is_withdrawn(report: &ReportNode<'_>) -> bool {
    matches!(report.status, Some("cancelled" | "entered-in-error"))
}

/// Observations that a later one with the same business identifier replaces, with the later one. An accession number
/// names a whole report's worth of results and is no identifier of one of them.
pub(super) fn superseded<'r>(candidates: &'r Candidates<'r>) -> BTreeMap<&'r str, &'r str> {
    let mut groups: BTreeMap<String, Vec<&ObservationNode<'r>>> = BTreeMap::new();
    for observation in candidates.observations.values() {
        let Some(own) = observation.candidates.first() else {
            continue;
        };
        for identifier in &observation.identifiers {
            if identifier.kinds.contains(&"ACSN") {
                continue;
            }
            let codes: Vec<String> = (own.code.codings.iter())
                .map(|coding| format!("{:?}|{:?}", coding.system, coding.code))
                .collect();
            let same = format!(
                "{} {:?} {codes:?} {:?}",
                identifier.token(),
                observation.subject,
                observation.specimen
            );
            groups.entry(same).or_default().push(observation);
        }
    }
    let mut superseded = BTreeMap::new();
    for group in groups.values() {
        let when = |observation: &ObservationNode<'r>| {
            let date = observation.issued.as_ref().or(observation.last_updated);
            date.map(Date::earliest)
        };
        let latest = group
            .iter()
            .max_by_key(|observation| (when(observation), observation.key));
        for observation in group {
            // Without a date nobody can tell which of two is the later one.
            if let Some(latest) = latest
                && when(observation).is_some_and(|own| Some(own) < when(latest))
            {
                superseded.insert(observation.key, latest.key);
            }
        }
    }
    superseded
}
