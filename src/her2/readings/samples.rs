//! ISH results for the tests of this folder.

#![allow(clippy::unwrap_used)]

use super::ReadBy;
use crate::her2::conventions::Conventions;
use crate::her2::evidence::{IshResult, Probe, Source};
use crate::her2::guideline::Edition;
use crate::her2::number::Measure;

/// A dual-probe count of 40 cells without numbers.
pub(super) fn result() -> IshResult {
    IshResult {
        probe: Some(Probe::Dual),
        cells: measure("40"),
        ..IshResult::new(Source::unversioned("Observation/1"))
    }
}

/// A number as sent.
pub(super) fn measure(text: &str) -> Option<Measure> {
    Some(Measure::parse(text).unwrap())
}

/// A dual-probe count with a ratio and copies per cell.
pub(super) fn numbers(ratio: &str, copies: &str) -> IshResult {
    IshResult {
        ratio: measure(ratio),
        her2_copies: measure(copies),
        ..result()
    }
}

/// Reading by an edition and the default conventions.
pub(super) fn by_default(edition: Edition) -> ReadBy<'static> {
    const DEFAULT: &Conventions = &Conventions::DEFAULT;
    ReadBy {
        edition,
        conventions: DEFAULT,
        sample: None,
    }
}
