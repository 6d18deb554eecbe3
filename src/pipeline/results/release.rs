//! The FHIR release that is written, and what differs between releases.

use her2_models::{Invalid, ObservationDraft, ProvenanceDraft, TaskDraft};

/// The FHIR release that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// R4, which R4B servers take as well.
    R4,
    /// R5; a build with the feature `r5` has it.
    #[cfg(feature = "r5")]
    R5,
}

impl Release {
    /// The release that a server of this FHIR version is written to; `None` when this build has none for it.
    pub fn for_version(version: &str) -> Option<Self> {
        match version.split('.').next() {
            Some("4") => Some(Self::R4),
            #[cfg(feature = "r5")]
            Some("5") => Some(Self::R5),
            _ => None,
        }
    }

    pub(super) fn observation(self, draft: &ObservationDraft) -> Result<String, Invalid> {
        match self {
            Self::R4 => her2_models::observation(draft),
            #[cfg(feature = "r5")]
            Self::R5 => her2_models::r5::observation(draft),
        }
    }

    pub(super) fn provenance(self, draft: &ProvenanceDraft) -> Result<String, Invalid> {
        match self {
            Self::R4 => her2_models::provenance(draft),
            #[cfg(feature = "r5")]
            Self::R5 => her2_models::r5::provenance(draft),
        }
    }

    pub(super) fn task(self, draft: &TaskDraft) -> Result<String, Invalid> {
        match self {
            Self::R4 => her2_models::task(draft),
            #[cfg(feature = "r5")]
            Self::R5 => her2_models::r5::task(draft),
        }
    }

    /// `Task.statusReason` in words.
    pub fn status_reason(self, words: &str) -> String {
        let concept = serde_json::json!({ "text": words });
        match self {
            Self::R4 => concept.to_string(),
            #[cfg(feature = "r5")]
            Self::R5 => serde_json::json!({ "concept": concept }).to_string(),
        }
    }
}
