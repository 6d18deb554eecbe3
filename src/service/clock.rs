//! The time of service code: the machine's, or one that a test sets.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::client::jitter;

/// Tells the time, and waits by it. Clones of a set clock show the same time.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    System,
    /// A clock that stands until it is moved; waiting moves it and takes no time.
    Set(Arc<Mutex<SetTime>>),
}

/// What a set clock shows, and which waits were asked of it.
#[derive(Debug, Clone)]
pub struct SetTime {
    now: DateTime<Utc>,
    waits: Vec<Duration>,
}

impl Clock {
    /// A clock that stands at this moment.
    pub fn standing_at(now: DateTime<Utc>) -> Clock {
        let waits = Vec::new();
        Clock::Set(Arc::new(Mutex::new(SetTime { now, waits })))
    }

    /// The time now.
    pub fn now(&self) -> DateTime<Utc> {
        match self {
            Clock::System => Utc::now(),
            Clock::Set(time) => locked(time).now,
        }
    }

    /// Waits as long as told.
    pub async fn wait(&self, duration: Duration) {
        match self {
            Clock::System => tokio::time::sleep(duration).await,
            Clock::Set(time) => {
                locked(time).waits.push(duration);
                self.advance(duration);
            }
        }
    }

    /// A fraction in [0, 1) by which waits of several writers are kept out of step; by a set clock always one half, so that
    /// a scene plays the same way again.
    pub(in crate::service) fn jitter(&self) -> f64 {
        match self {
            Clock::System => jitter(),
            Clock::Set(_) => 0.5,
        }
    }

    /// Moves a set clock; the machine's goes by itself.
    pub fn advance(&self, duration: Duration) {
        if let Clock::Set(time) = self {
            let mut time = locked(time);
            time.now += TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX);
        }
    }

    /// The waits that were asked of a set clock so far; the machine's does not note them.
    pub fn waits(&self) -> Vec<Duration> {
        match self {
            Clock::System => Vec::new(),
            Clock::Set(time) => locked(time).waits.clone(),
        }
    }
}

fn locked(time: &Mutex<SetTime>) -> MutexGuard<'_, SetTime> {
    time.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waiting_moves_a_set_clock_and_all_its_clones() {
        let clock = Clock::standing_at(DateTime::UNIX_EPOCH);
        let clone = clock.clone();
        clone.wait(Duration::from_secs(7)).await;
        clock.advance(Duration::from_secs(1));
        assert_eq!(clone.now().timestamp(), 8);
        assert_eq!(clock.waits(), [Duration::from_secs(7)]);
    }
}
