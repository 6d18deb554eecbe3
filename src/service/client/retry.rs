//! When a failed read is tried again, and after how long.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use chrono::{DateTime, FixedOffset, Utc};

use super::error::ClientError;

const FIRST_BACKOFF: Duration = Duration::from_millis(500);
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);

/// How often a read is tried, and how much patience a server may ask for.
#[derive(Debug, Clone, Copy)]
pub(super) struct RetryPolicy {
    /// Tries in all.
    pub(super) attempts: u32,
    /// Longest `Retry-After` that is waited for. A server that asks for more is not bothered again in this pass.
    pub(super) max_retry_after: Duration,
}

impl RetryPolicy {
    /// The wait before the next try after `tried` failed ones, or `None` to give up with the last error.
    pub(super) fn wait_after(
        &self,
        tried: u32,
        error: &ClientError,
        jitter: f64,
    ) -> Option<Duration> {
        if tried >= self.attempts {
            return None;
        }
        match error {
            ClientError::Busy {
                retry_after: Some(asked),
                ..
            } => (*asked <= self.max_retry_after).then_some(*asked),
            ClientError::Busy {
                retry_after: None, ..
            }
            | ClientError::NotSent { .. }
            | ClientError::Ambiguous {
                status: None | Some(408 | 502 | 504),
            } => Some(backoff(tried, jitter)),
            _ => None,
        }
    }
}

/// A fraction in [0, 1) from the hash keys that the standard library draws anew for every `RandomState`: good enough to
/// keep several clients out of step, and nothing else hangs on it.
pub(in crate::service) fn jitter() -> f64 {
    let bits = RandomState::new().build_hasher().finish() >> 11;
    bits as f64 / (1u64 << 53) as f64
}

/// Full jitter: anything up to a ceiling that doubles with each failure.
fn backoff(tried: u32, jitter: f64) -> Duration {
    let doublings = tried.saturating_sub(1).min(16);
    let ceiling = FIRST_BACKOFF
        .saturating_mul(1 << doublings)
        .min(LONGEST_BACKOFF);
    ceiling.mul_f64(jitter)
}

/// The wait a `Retry-After` header asks for: seconds, or an HTTP date counted from the answer's own `Date`, so that the two
/// clocks need not agree.
pub(in crate::service) fn retry_after(
    header: &str,
    server_date: Option<DateTime<FixedOffset>>,
) -> Option<Duration> {
    let header = header.trim();
    if header.bytes().all(|byte| byte.is_ascii_digit()) {
        return header.parse().ok().map(Duration::from_secs);
    }
    let until = http_date(header)?;
    let now = server_date.unwrap_or_else(|| Utc::now().fixed_offset());
    Some((until - now).to_std().unwrap_or(Duration::ZERO))
}

/// An HTTP date such as `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(in crate::service) fn http_date(text: &str) -> Option<DateTime<FixedOffset>> {
    DateTime::parse_from_rfc2822(text.trim()).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;
    use crate::service::client::{Distrust, Misread};

    const POLICY: RetryPolicy = RetryPolicy {
        attempts: 4,
        max_retry_after: Duration::from_secs(60),
    };

    fn busy(seconds: Option<u64>) -> ClientError {
        ClientError::Busy {
            status: 503,
            retry_after: seconds.map(Duration::from_secs),
        }
    }

    #[test]
    fn the_backoff_doubles_up_to_a_ceiling_and_is_fully_jittered() {
        let ceilings: Vec<u128> = (1..=9)
            .map(|tried| backoff(tried, 1.0).as_millis())
            .collect();
        assert_eq!(
            ceilings,
            [
                500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000
            ]
        );
        assert_eq!(backoff(3, 0.0), Duration::ZERO);
        assert_eq!(backoff(3, 0.25), Duration::from_millis(500));
        assert_eq!(backoff(u32::MAX, 1.0), LONGEST_BACKOFF);
    }

    #[test]
    fn the_jitter_is_a_fraction_and_varies() {
        let draws: Vec<f64> = (0..64).map(|_| jitter()).collect();
        assert!(draws.iter().all(|draw| (0.0..1.0).contains(draw)));
        assert!(draws.iter().any(|draw| *draw != draws[0]));
    }

    #[test]
    fn a_wait_the_server_asks_for_is_kept_unless_it_is_too_long() {
        assert_eq!(
            POLICY.wait_after(1, &busy(Some(0)), 0.5),
            Some(Duration::ZERO)
        );
        assert_eq!(
            POLICY.wait_after(1, &busy(Some(60)), 0.5),
            Some(Duration::from_secs(60))
        );
        assert_eq!(POLICY.wait_after(1, &busy(Some(61)), 0.5), None);
    }

    #[test]
    fn only_what_may_pass_by_itself_is_tried_again() {
        for passing in [
            busy(None),
            ClientError::NotSent { why: String::new() },
            ClientError::Ambiguous { status: None },
            ClientError::Ambiguous { status: Some(502) },
            ClientError::Ambiguous { status: Some(504) },
        ] {
            assert!(POLICY.wait_after(3, &passing, 0.5).is_some(), "{passing}");
            assert_eq!(POLICY.wait_after(4, &passing, 0.5), None, "{passing}");
        }
        for lasting in [
            ClientError::Ambiguous { status: Some(500) },
            ClientError::Unauthorized,
            ClientError::Forbidden,
            ClientError::NotFound,
            ClientError::Conflict { status: 409 },
            ClientError::Untrusted(Distrust::Redirect),
            ClientError::Unreadable(Misread::NotJson),
        ] {
            assert_eq!(POLICY.wait_after(1, &lasting, 0.5), None, "{lasting}");
        }
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date() {
        let date = http_date("Sun, 06 Nov 1994 08:49:37 GMT");
        assert!(date.is_some());
        assert_eq!(retry_after("120", date), Some(Duration::from_secs(120)));
        assert_eq!(retry_after(" 0 ", date), Some(Duration::ZERO));
        assert_eq!(
            retry_after("Sun, 06 Nov 1994 08:50:07 GMT", date),
            Some(Duration::from_secs(30))
        );
        assert_eq!(
            retry_after("Sun, 06 Nov 1994 08:00:00 GMT", date),
            Some(Duration::ZERO)
        );
        assert_eq!(
            retry_after("Sun, 06 Nov 1994 08:00:00 GMT", None),
            Some(Duration::ZERO)
        );
        for nonsense in ["", "soon", "-1", "1.5", "99999999999999999999999"] {
            assert_eq!(retry_after(nonsense, date), None, "{nonsense}");
        }
    }
}
