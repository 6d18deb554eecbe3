//! What follows from a server's answer, by the moment it came in.
//!
//! After a write that was not plainly accepted nothing is known: a gateway may refuse what the server behind it has carried
//! out, some servers say 400 of a stale `If-Match`, and an answer may be lost. So what stands is read back by id first, and
//! only if the write is not there the answer tells what to do.

use super::trouble::code_of;
use super::waiting::Wait;
use super::{Attempt, Outcome};
use crate::service::client::ClientError;

/// Why the server will not take a resource, as a code.
const REFUSED: &str = "refused";

/// What a case comes to that was judged as often as it may be, and last ended so.
pub(in crate::service) fn given_up(why: &'static str) -> Outcome {
    match why {
        REFUSED => Outcome::Failed(REFUSED),
        why => Outcome::Retry(why),
    }
}

/// What follows from a write that was not plainly accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Every case is concerned: the pass ends.
    PassEnds,
    /// What stands is read back; this follows if the write is not there.
    ReadBack(Attempt),
    /// The server has torn a transaction apart, so it has not arrived whatever stands.
    Torn(Attempt),
}

/// Whether an error concerns every case.
pub(in crate::service) fn ends_the_pass(error: &ClientError) -> bool {
    matches!(
        error,
        ClientError::Unauthorized | ClientError::NotSent { .. } | ClientError::Untrusted(_)
    )
}

/// What follows from an error of a write.
pub(super) fn after_write(error: &ClientError) -> Next {
    if ends_the_pass(error) {
        return Next::PassEnds;
    }
    Next::ReadBack(match error {
        ClientError::Busy { retry_after, .. } => {
            Attempt::Again("busy", retry_after.map_or(Wait::Backoff, Wait::Asked))
        }
        // Others are at work on the same resources.
        ClientError::Conflict { status: 409 } => Attempt::Again("conflict", Wait::Backoff),
        // Some servers say 400 of a stale version inside a transaction, so it is judged again before it counts.
        ClientError::Refused { status: 400, .. } => Attempt::Again(REFUSED, Wait::Not),
        ClientError::Conflict { .. } => Attempt::Again("conflict", Wait::Not),
        ClientError::Refused { status: 413, .. } => {
            Attempt::Done(Outcome::Failed("too-large-for-server"))
        }
        ClientError::Refused { .. } => Attempt::Done(Outcome::Failed(REFUSED)),
        // Somebody has deleted it, and that is not undone.
        ClientError::Gone => Attempt::Done(Outcome::Failed("deleted-on-server")),
        ClientError::Forbidden => Attempt::Done(Outcome::Failed("forbidden")),
        ClientError::NotAtomic { .. } => {
            return Next::Torn(Attempt::Done(Outcome::Failed("not-atomic")));
        }
        other => Attempt::Again(code_of(other), Wait::Not),
    })
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
            (ClientError::Conflict { status: 304 }, "conflict", Wait::Not),
            (
                ClientError::Conflict { status: 409 },
                "conflict",
                Wait::Backoff,
            ),
            (refused(400), REFUSED, Wait::Not),
            (
                ClientError::Ambiguous { status: None },
                "ambiguous",
                Wait::Not,
            ),
            (busy(None), "busy", Wait::Backoff),
            (busy(Some(asked)), "busy", Wait::Asked(asked)),
        ] {
            let again = Next::ReadBack(Attempt::Again(code, wait));
            assert_eq!(after_write(&error), again, "{error}");
        }
    }

    #[test]
    fn what_is_refused_each_time_is_no_conflict_that_may_pass() {
        assert_eq!(given_up(REFUSED), Outcome::Failed("refused"));
        assert_eq!(given_up("conflict"), Outcome::Retry("conflict"));
    }

    #[test]
    fn what_the_server_will_not_take_waits_for_a_person() {
        for (error, code) in [
            (refused(422), "refused"),
            (refused(404), "refused"),
            (refused(413), "too-large-for-server"),
            (ClientError::Forbidden, "forbidden"),
            (ClientError::Gone, "deleted-on-server"),
        ] {
            let failed = Next::ReadBack(Attempt::Done(Outcome::Failed(code)));
            assert_eq!(after_write(&error), failed, "{error}");
        }
        let torn = Next::Torn(Attempt::Done(Outcome::Failed("not-atomic")));
        assert_eq!(after_write(&ClientError::NotAtomic { status: 412 }), torn);
    }

    #[test]
    fn what_concerns_every_case_ends_the_pass() {
        let not_sent = ClientError::NotSent { why: String::new() };
        for error in [ClientError::Unauthorized, not_sent] {
            assert_eq!(after_write(&error), Next::PassEnds, "{error}");
        }
    }
}
