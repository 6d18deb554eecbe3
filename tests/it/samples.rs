//! Pieces of evidence that several scenes of the engine start from.

use her2_adapter::her2::evidence::{IshResult, Probe, Source};
use her2_adapter::her2::number::Measure;

/// The resource a piece of evidence came from.
pub fn source(name: &str) -> Source {
    Source::unversioned(&format!("Observation/{name}"))
}

/// A number as it is written; an empty text is a number that was not sent.
pub fn measure(text: &str) -> Option<Measure> {
    (!text.is_empty()).then(|| Measure::parse(text).unwrap())
}

/// A dual-probe count of 40 cells; an empty text is a number that was not sent.
pub fn count(ratio: &str, copies: &str) -> IshResult {
    IshResult {
        probe: Some(Probe::Dual),
        ratio: measure(ratio),
        her2_copies: measure(copies),
        cells: measure("40"),
        ..IshResult::new(source("ish"))
    }
}
