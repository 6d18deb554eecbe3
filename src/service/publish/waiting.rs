//! Waits between two judgements of a case.

use std::time::Duration;

use crate::service::clock::Clock;

const FIRST_CEILING: Duration = Duration::from_secs(1);
/// Longest wait in a pass for a server that is busy; a longer one is the next pass's.
const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// How long a case waits before it is judged again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::service) enum Wait {
    /// Not at all.
    Not,
    /// Longer with each judgement, and never in step with others.
    Backoff,
    /// As long as the server asks.
    Asked(Duration),
}

impl Wait {
    /// Waits after so many judgements; `false`, at once, when the wait is too long for this pass.
    pub(in crate::service) async fn keep(self, judgements: u32, clock: &Clock) -> bool {
        let Some(wait) = self.after(judgements, clock) else {
            return false;
        };
        if !wait.is_zero() {
            clock.wait(wait).await;
        }
        true
    }

    /// The wait after so many judgements; `None` when it is too long for this pass.
    pub(in crate::service) fn after(self, judgements: u32, clock: &Clock) -> Option<Duration> {
        match self {
            Self::Not => Some(Duration::ZERO),
            Self::Backoff => Some(ceiling(judgements).mul_f64(clock.jitter())),
            Self::Asked(wait) => (wait <= LONGEST_WAIT).then_some(wait),
        }
    }
}

/// One second after the first judgement, and twice as much after each further one.
fn ceiling(judgements: u32) -> Duration {
    let doublings = judgements.saturating_sub(1).min(16);
    FIRST_CEILING
        .saturating_mul(1 << doublings)
        .min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ceiling_doubles_from_one_second_and_no_wait_exceeds_it() {
        let seconds: Vec<u64> = (1..=4).map(|count| ceiling(count).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8]);
        assert_eq!(ceiling(u32::MAX), LONGEST_WAIT);
        for judgements in 1..=4 {
            let wait = Wait::Backoff.after(judgements, &Clock::System);
            assert!(wait.is_some_and(|wait| wait < ceiling(judgements)));
        }
    }

    #[test]
    fn a_wait_that_the_server_asks_for_is_kept_unless_it_is_too_long() {
        let minute = Duration::from_secs(60);
        assert_eq!(Wait::Asked(minute).after(1, &Clock::System), Some(minute));
        assert_eq!(Wait::Asked(minute * 3).after(1, &Clock::System), None);
        assert_eq!(Wait::Not.after(3, &Clock::System), Some(Duration::ZERO));
    }
}
