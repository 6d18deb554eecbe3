//! ISH results for the tests of this folder.

#![allow(clippy::unwrap_used)]

use crate::her2::evidence::{CountRole, IshResult, Origin, Probe, Source};
use crate::her2::number::Measure;

/// A dual-probe count of 40 cells without numbers.
pub(super) fn result() -> IshResult {
    IshResult {
        role: CountRole::Initial,
        probe: Some(Probe::Dual),
        ratio: None,
        her2_copies: None,
        cep17_copies: None,
        cells: measure("40"),
        result: None,
        origin: Origin::Coded,
        source: Source {
            reference: "Observation/1".to_owned(),
            version: None,
        },
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
