//! Why a draft was refused.

use crate::path::Path;
use fhir_sdk::BuilderError;

/// Why a draft cannot become a resource.
///
/// Paths are of the FHIR resource, such as `Observation.component[2].valueQuantity.value`; no variant carries content.
/// [`Invalid::Model`] is a fault of this crate; with all others the caller leaves the case to a person or mends the draft.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// A required element is absent, or an element is empty or blank.
    #[error("{path} is absent or empty")]
    Missing {
        /// The element.
        path: String,
    },
    /// An id is not 1 to 64 letters, digits, `-` and `.`.
    #[error("{path} is not a FHIR id")]
    Id {
        /// The element.
        path: String,
    },
    /// A code contains control characters, or spaces at its ends or next to each other.
    #[error("{path} is not a FHIR code")]
    Code {
        /// The element.
        path: String,
    },
    /// A URI or address contains white space or control characters.
    #[error("{path} is not a URI")]
    Uri {
        /// The element.
        path: String,
    },
    /// A text contains control characters other than tab and line ends, or has more than 1,048,576 characters.
    #[error("{path} is not a FHIR string")]
    Text {
        /// The element.
        path: String,
    },
    /// A number is not a JSON number, or has more digits than the FHIR version allows.
    #[error("{path} is not a FHIR decimal")]
    Decimal {
        /// The element.
        path: String,
    },
    /// A date is not in the calendar, is not written as FHIR prints a dateTime, or (any date or instant) has a fraction
    /// of a second with more digits than FHIR R5 allows.
    #[error("{path} is not a FHIR dateTime")]
    DateTime {
        /// The element.
        path: String,
    },
    /// An instant is not in the calendar, or lacks seconds or zone.
    #[error("{path} is not a FHIR instant")]
    Instant {
        /// The element.
        path: String,
    },
    /// A reference points into a contained resource, which only its own container may do.
    #[error("{path} points into a contained resource")]
    Fragment {
        /// The element.
        path: String,
    },
    /// An invariant of the FHIR specification is broken.
    #[error("{path} breaks {rule}")]
    Rule {
        /// The element.
        path: String,
        /// FHIR's name of the invariant, such as `qty-3`.
        rule: &'static str,
    },
    /// The model refused or lost what passed all checks. Trying again is of no use.
    #[error("the FHIR model does not carry this resource")]
    Model,
}

impl Invalid {
    /// A [`Invalid::Missing`] at this element.
    pub(crate) fn missing(path: &Path) -> Self {
        Self::Missing {
            path: path.to_string(),
        }
    }

    /// A [`Invalid::Rule`] at this element.
    pub(crate) fn rule(rule: &'static str, path: &Path) -> Self {
        Self::Rule {
            path: path.to_string(),
            rule,
        }
    }
}

impl From<BuilderError> for Invalid {
    fn from(_: BuilderError) -> Self {
        Self::Model
    }
}

impl From<serde_json::Error> for Invalid {
    /// Drops the cause, which may quote content.
    fn from(_: serde_json::Error) -> Self {
        Self::Model
    }
}
