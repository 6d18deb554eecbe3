//! What keeps one case, or the whole pass, from going on.

use super::answers::ends_the_pass;
use super::{Outcome, PublishError};
use crate::service::client::ClientError;
use crate::service::store::StoreError;

/// What ends the attempt to write a case.
pub(super) enum Trouble {
    /// This case alone; the pass goes on with the next.
    Case(Outcome),
    /// Every case: the pass ends.
    Pass(PublishError),
}

impl Trouble {
    /// A resource of ours that cannot be composed as FHIR asks.
    pub(super) fn not_composable() -> Self {
        Self::Case(Outcome::Failed("not-composable"))
    }

    /// An error that concerns every case.
    pub(super) fn ending(error: &ClientError) -> Self {
        Self::Pass(PublishError::Server(error.clone()))
    }

    /// A result of ours that somebody has deleted: that is not undone, and a person has to look.
    pub(super) fn deleted() -> Self {
        Self::Case(Outcome::Failed("deleted-on-server"))
    }

    /// What a failed read means: the case waits for the next pass, unless every case is concerned.
    pub(super) fn of_reading(error: &ClientError) -> Self {
        if ends_the_pass(error) {
            Self::ending(error)
        } else {
            Self::Case(Outcome::Retry(code_of(error)))
        }
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Pass(PublishError::Store(error))
    }
}

/// A server error as a code for logs and summaries.
pub(super) fn code_of(error: &ClientError) -> &'static str {
    match error {
        ClientError::NotSent { .. } => "not-sent",
        ClientError::Ambiguous { .. } => "ambiguous",
        ClientError::Conflict { .. } => "conflict",
        ClientError::Busy { .. } => "busy",
        ClientError::Resting { .. } => "resting",
        ClientError::Unauthorized => "unauthorized",
        ClientError::Forbidden => "forbidden",
        ClientError::NotFound => "not-found",
        ClientError::Gone => "deleted-on-server",
        ClientError::Refused { .. } => "refused",
        ClientError::NotAtomic { .. } => "not-atomic",
        ClientError::Untrusted(_) => "untrusted",
        ClientError::Unreadable(_) => "unreadable-on-server",
        ClientError::TooLarge(_) => "too-large",
        ClientError::PageExpired => "page-expired",
    }
}
