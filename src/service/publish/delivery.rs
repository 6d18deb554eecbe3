//! Sending a transaction, and finding out what became of it.

use super::Publisher;
use super::bundle::Entry;
use super::standing::Found;
use super::trouble::{Trouble, code_of, pass_trouble};
use super::waiting::Wait;
use super::{Attempt, Outcome};
use crate::fhir::json::Json;
use crate::pipeline::results::fingerprint_of;
use crate::service::client::ClientError;

impl Publisher<'_> {
    /// Sends a transaction once; whatever the answer, only what stands on the server tells.
    /// `None` when it has arrived, else what follows.
    pub(super) async fn deliver(
        &self,
        bundle: &str,
        entries: &[Entry],
    ) -> Result<Option<Attempt>, Trouble> {
        let Err(error) = self.client.transaction(bundle).await else {
            return Ok(None);
        };
        pass_trouble(&error)?;
        // What a server has torn apart has not arrived, even where its first part stands.
        let is_torn = matches!(error, ClientError::NotAtomic { .. });
        if !is_torn && self.has_arrived(entries).await? {
            return Ok(None);
        }
        Ok(Some(after_refusal(&error)))
    }

    /// Whether a transaction stands on the server: by its result, else by all of its Tasks.
    async fn has_arrived(&self, entries: &[Entry]) -> Result<bool, Trouble> {
        let of_kind = |kind: &str| -> Vec<&Entry> {
            let kept = entries.iter().filter(|entry| entry.written.kind == kind);
            kept.collect()
        };
        let result = of_kind("Observation");
        let telling = if result.is_empty() {
            of_kind("Task")
        } else {
            result
        };
        for entry in &telling {
            if !self.stands_as_sent(entry).await? {
                return Ok(false);
            }
        }
        Ok(!telling.is_empty())
    }

    async fn stands_as_sent(&self, entry: &Entry) -> Result<bool, Trouble> {
        let sent = Json::parse(&entry.written.text).map_err(|_| Trouble::not_composable())?;
        let found = match entry.written.kind {
            "Observation" => self.result(&entry.written.id).await?,
            kind => match self.find(kind, &entry.written.id).await? {
                Found::Standing(standing) => Some(standing),
                Found::Nothing | Found::Deleted => None,
            },
        };
        Ok(found.is_some_and(|standing| {
            Some(standing.status.as_str()) == sent.text_at("status")
                && standing.fingerprint.as_deref() == fingerprint_of(&sent, &self.rules.base)
        }))
    }
}

/// What follows from an error of a transaction that has not arrived.
pub(super) fn after_refusal(error: &ClientError) -> Attempt {
    match error {
        ClientError::Busy { retry_after, .. } => {
            Attempt::Again("busy", retry_after.map_or(Wait::Backoff, Wait::Asked))
        }
        // Others are at work on the same resources.
        ClientError::Conflict { status: 409 } => Attempt::Again("conflict", Wait::Backoff),
        // Some servers say 400 of a stale version inside a transaction.
        ClientError::Conflict { .. } | ClientError::Refused { status: 400, .. } => {
            Attempt::Again("conflict", Wait::Not)
        }
        ClientError::Refused { .. } => Attempt::Done(Outcome::Failed("refused")),
        ClientError::Forbidden => Attempt::Done(Outcome::Failed("forbidden")),
        ClientError::NotAtomic { .. } => Attempt::Done(Outcome::Failed("not-atomic")),
        other => Attempt::Again(code_of(other), Wait::Not),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn refused(status: u16) -> ClientError {
        ClientError::Refused {
            status,
            issue_code: None,
        }
    }

    #[test]
    fn only_what_another_judgement_can_mend_is_judged_again() {
        let busy = |retry_after| ClientError::Busy {
            status: 429,
            retry_after,
        };
        let asked = Duration::from_secs(7);
        for (error, code, wait) in [
            (ClientError::Conflict { status: 412 }, "conflict", Wait::Not),
            (
                ClientError::Conflict { status: 409 },
                "conflict",
                Wait::Backoff,
            ),
            (refused(400), "conflict", Wait::Not),
            (
                ClientError::Ambiguous { status: None },
                "ambiguous",
                Wait::Not,
            ),
            (busy(None), "busy", Wait::Backoff),
            (busy(Some(asked)), "busy", Wait::Asked(asked)),
        ] {
            let attempt = after_refusal(&error);
            assert!(
                matches!(attempt, Attempt::Again(why, how) if why == code && how == wait),
                "{error}"
            );
        }
        for (error, code) in [
            (refused(422), "refused"),
            (ClientError::Forbidden, "forbidden"),
            (ClientError::NotAtomic { status: 412 }, "not-atomic"),
        ] {
            let attempt = after_refusal(&error);
            assert!(
                matches!(attempt, Attempt::Done(Outcome::Failed(why)) if why == code),
                "{error}"
            );
        }
    }
}
