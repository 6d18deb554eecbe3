//! Cases for the tests of this folder.

#![allow(clippy::unwrap_used)]

use enumset::EnumSet;

use super::decide;
use crate::her2::conventions::Conventions;
use crate::her2::decision::{Decision, ReviewCode, WarningCode};
use crate::her2::evidence::{
    Evidence, IhcFinding, IhcResult, IshResult, JoinedBy, Probe, Score, Site, SiteFinding, Source,
};
use crate::her2::guideline::Edition;
use crate::her2::number::Measure;

/// A number as sent.
pub(super) fn measure(text: &str) -> Option<Measure> {
    Some(Measure::parse(text).unwrap())
}

pub(super) fn source(name: &str) -> Source {
    Source::unversioned(&format!("Observation/{name}"))
}

/// Breast tissue of which nothing was tested.
pub(super) fn untested() -> Evidence {
    Evidence::new(SiteFinding::Known(Site::Breast), JoinedBy::Specimen)
}

/// Breast tissue with a score and nothing else.
pub(super) fn case(score: Score) -> Evidence {
    Evidence {
        ihc: vec![IhcResult::new(
            IhcFinding::Score(EnumSet::only(score)),
            source("ihc"),
        )],
        ..untested()
    }
}

/// A dual-probe count of 40 cells.
pub(super) fn count(ratio: &str, copies: &str) -> IshResult {
    IshResult {
        probe: Some(Probe::Dual),
        ratio: measure(ratio),
        her2_copies: measure(copies),
        cells: measure("40"),
        ..IshResult::new(source("ish"))
    }
}

/// By ASCO/CAP 2018 and the default conventions.
pub(super) fn decided(evidence: &Evidence) -> Decision {
    decided_by(Edition::AscoCap2018, evidence)
}

pub(super) fn decided_by(edition: Edition, evidence: &Evidence) -> Decision {
    decide(evidence, edition, &Conventions::default())
}

pub(super) fn codes(decision: &Decision) -> Vec<ReviewCode> {
    decision.review.iter().map(|item| item.code).collect()
}

pub(super) fn warnings(decision: &Decision) -> Vec<WarningCode> {
    (decision.warnings.iter())
        .map(|warning| warning.code)
        .collect()
}
