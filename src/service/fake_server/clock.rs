//! Where the server's instants come from.

use std::sync::{Arc, Mutex};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

use super::lock;

/// The server's clock. Copies show the same time, so a test can keep one and move it.
#[derive(Debug, Clone)]
pub struct FakeClock {
    /// Absent from the real clock.
    hands: Option<Arc<Mutex<Hands>>>,
}

#[derive(Debug)]
struct Hands {
    now: DateTime<Utc>,
    step: TimeDelta,
}

impl FakeClock {
    /// The clock of the machine.
    pub fn real() -> FakeClock {
        FakeClock { hands: None }
    }

    /// A clock that stands at `start` and goes on by `step` after each request (or seeding) that wrote something.
    pub fn starting_at(start: DateTime<Utc>, step: TimeDelta) -> FakeClock {
        FakeClock {
            hands: Some(Arc::new(Mutex::new(Hands { now: start, step }))),
        }
    }

    /// The time now, to the millisecond, which is as fine as `meta.lastUpdated` gets.
    pub fn now(&self) -> DateTime<Utc> {
        let now = self
            .hands
            .as_ref()
            .map_or_else(Utc::now, |hands| lock(hands).now);
        now.trunc_subsecs(3)
    }

    /// Moves a clock that is not the real one.
    pub fn advance(&self, by: TimeDelta) {
        if let Some(hands) = &self.hands {
            lock(hands).now += by;
        }
    }

    /// Notes that something was written.
    pub(super) fn step(&self) {
        if let Some(hands) = &self.hands {
            let mut hands = lock(hands);
            let step = hands.step;
            hands.now += step;
        }
    }
}
