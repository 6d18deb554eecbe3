//! The breaker of a server: after several failures in a row it is left alone for a while.
//!
//! It knows no clock; the time is handed in.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::error::ClientError;

/// However long a server asks to be left alone, it is asked again after an hour.
const LONGEST_REST: Duration = Duration::from_secs(3600);

/// When a server is left alone.
#[derive(Debug, Clone, Copy)]
pub(super) struct BreakerPolicy {
    /// So many failures in a row begin a rest; at least 1.
    pub(super) failures: u32,
    /// How long a rest is, unless the server asks for more.
    pub(super) rest: Duration,
}

/// What the last requests say about the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Requests go through; so many failed in a row.
    Closed { failed: u32 },
    /// No request goes through between these moments.
    Resting {
        since: DateTime<Utc>,
        until: DateTime<Utc>,
    },
    /// The rest is over, and since then one request is on trial; it may never come back.
    Trying { since: DateTime<Utc> },
}

/// The breaker of one server.
#[derive(Debug)]
pub(super) struct Breaker {
    policy: BreakerPolicy,
    state: State,
}

impl Breaker {
    pub(super) fn new(policy: BreakerPolicy) -> Breaker {
        Breaker {
            policy,
            state: State::Closed { failed: 0 },
        }
    }

    pub(super) fn policy(&self) -> BreakerPolicy {
        self.policy
    }

    /// How long no request is let through from now on.
    pub(super) fn rests_for(&self, now: DateTime<Utc>) -> Option<Duration> {
        match self.state {
            State::Resting { until, .. } => {
                (until - now).to_std().ok().filter(|rest| !rest.is_zero())
            }
            State::Closed { .. } | State::Trying { .. } => None,
        }
    }

    /// Lets a request through, or says about how long the server still rests.
    pub(super) fn admit(&mut self, now: DateTime<Utc>) -> Result<(), Duration> {
        let (since, until) = match self.state {
            State::Closed { .. } => return Ok(()),
            State::Resting { since, until } => (since, until),
            State::Trying { since } => (since, since + delta(self.policy.rest)),
        };
        // A clock that was set back must not prolong the rest.
        if now >= since
            && let Ok(left) = (until - now).to_std()
            && !left.is_zero()
        {
            return Err(left);
        }
        self.state = State::Trying { since: now };
        Ok(())
    }

    /// Notes how a request that was let through ended.
    pub(super) fn note(&mut self, now: DateTime<Utc>, failure: Option<&ClientError>) {
        let asked = match failure {
            Some(ClientError::NotSent { .. } | ClientError::Ambiguous { .. }) => Duration::ZERO,
            Some(ClientError::Busy { retry_after, .. }) => retry_after.unwrap_or_default(),
            _ => {
                self.state = State::Closed { failed: 0 };
                return;
            }
        };
        let failed = match self.state {
            State::Closed { failed } => failed + 1,
            State::Trying { .. } => self.policy.failures,
            // Let through before the rest began.
            State::Resting { .. } => return,
        };
        let rest = self.policy.rest.max(asked.min(LONGEST_REST));
        self.state = match failed >= self.policy.failures || rest > self.policy.rest {
            true => State::Resting {
                since: now,
                until: now + delta(rest),
            },
            false => State::Closed { failed },
        };
    }
}

fn delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    const POLICY: BreakerPolicy = BreakerPolicy {
        failures: 2,
        rest: Duration::from_secs(30),
    };

    /// What happens at a second.
    enum Event {
        /// A request is let through.
        Through,
        /// A request is not let through, for so many seconds more.
        Held(u64),
        Answered,
        Failed,
        /// Busy, and the server asks for so many seconds.
        Busy(u64),
    }
    use Event::{Answered, Busy, Failed, Held, Through};

    #[test]
    fn a_server_rests_after_failures_in_a_row_and_is_tried_by_one_request() {
        let scenes: [(&str, &[(i64, Event)]); 9] = [
            (
                "one failure is none",
                &[(0, Through), (0, Failed), (1, Through)],
            ),
            (
                "an answer begins the count anew",
                &[(0, Failed), (1, Answered), (2, Failed), (3, Through)],
            ),
            (
                "two in a row begin a rest",
                &[(0, Failed), (1, Failed), (2, Held(29)), (30, Held(1))],
            ),
            (
                "after it one request goes, and no other",
                &[
                    (0, Failed),
                    (1, Failed),
                    (31, Through),
                    (31, Held(30)),
                    (40, Held(21)),
                ],
            ),
            (
                "its answer ends the rest",
                &[
                    (0, Failed),
                    (1, Failed),
                    (31, Through),
                    (32, Answered),
                    (32, Through),
                    (32, Failed),
                    (33, Through),
                ],
            ),
            (
                "its failure begins another",
                &[
                    (0, Failed),
                    (1, Failed),
                    (31, Through),
                    (32, Failed),
                    (33, Held(29)),
                    (62, Through),
                ],
            ),
            (
                "one that never comes back does not close the server for good",
                &[(0, Failed), (1, Failed), (31, Through), (61, Through)],
            ),
            (
                "a server that asks for more rests at once, and at most an hour",
                &[
                    (0, Busy(10)),
                    (1, Through),
                    (1, Answered),
                    (2, Busy(60)),
                    (3, Held(59)),
                    (62, Through),
                    (62, Busy(86_400)),
                    (63, Held(3599)),
                ],
            ),
            (
                "a clock that is set back prolongs nothing",
                &[(100, Failed), (100, Failed), (99, Through)],
            ),
        ];
        for (scene, events) in scenes {
            let mut breaker = Breaker::new(POLICY);
            for (second, event) in events {
                let now = DateTime::from_timestamp(1_000 + second, 0).unwrap();
                let failed = ClientError::Ambiguous { status: None };
                match event {
                    Through => assert_eq!(breaker.admit(now), Ok(()), "{scene}, at {second}"),
                    Held(left) => {
                        let left = Duration::from_secs(*left);
                        assert_eq!(breaker.admit(now), Err(left), "{scene}, at {second}");
                    }
                    Answered => breaker.note(now, None),
                    Failed => breaker.note(now, Some(&failed)),
                    Busy(seconds) => {
                        let retry_after = Some(Duration::from_secs(*seconds));
                        let busy = ClientError::Busy {
                            status: 429,
                            retry_after,
                        };
                        breaker.note(now, Some(&busy));
                    }
                }
            }
        }
    }

    #[test]
    fn a_refusal_is_an_answer() {
        let mut breaker = Breaker::new(POLICY);
        let now = DateTime::UNIX_EPOCH;
        for error in [
            ClientError::Unauthorized,
            ClientError::Conflict { status: 412 },
            ClientError::Gone,
        ] {
            breaker.note(now, Some(&ClientError::NotSent { why: String::new() }));
            breaker.note(now, Some(&error));
        }
        assert_eq!(breaker.admit(now), Ok(()));
    }
}
