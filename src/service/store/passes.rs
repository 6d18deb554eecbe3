//! Passes: how far each feed has been read, what became of its units, and which to look at again.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::Row;

use super::{Store, StoreError, instant};

/// The ledger of one pass: every unit seen has exactly one outcome.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PassSummary {
    /// When it began, RFC 3339.
    pub started: String,
    /// When it ended, RFC 3339.
    pub finished: String,
    /// Units seen.
    pub seen: u32,
    /// Units with a result written or withdrawn.
    pub written: u32,
    /// Units whose results stand as they are.
    pub unchanged: u32,
    /// Units that are not about HER2 in tumour tissue.
    pub not_her2: u32,
    /// Units that only say that a test is ordered, pending, cancelled or not done.
    pub no_result: u32,
    /// Units that wait for a person.
    pub review: u32,
    /// Units that the next pass looks at again.
    pub retry: u32,
    /// Units that could not be read or written for good.
    pub failed: u32,
    /// Nothing was written to the server: `written` counts what would have been.
    pub shadow: bool,
}

impl PassSummary {
    /// Units with an outcome: `seen`, if none was lost.
    pub fn accounted(&self) -> u64 {
        [
            self.written,
            self.unchanged,
            self.not_her2,
            self.no_result,
            self.review,
            self.retry,
            self.failed,
        ]
        .map(u64::from)
        .iter()
        .sum()
    }
}

/// A unit that every pass looks at again until it is unparked, however far the cursor has moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    /// Reference of the unit, `Type/id`, or a case id.
    pub unit: String,
    /// Code of the latest reason.
    pub why: String,
    /// When it was first parked, RFC 3339 in UTC.
    pub since: String,
    /// When a pass is to look at it again, RFC 3339 in UTC.
    pub due: String,
}

/// How long a unit that failed is left alone after its second failure; twice as long after each further one.
const FIRST_REST_MINUTES: i64 = 5;
/// The longest such rest.
const LONGEST_REST_MINUTES: i64 = 24 * 60;

impl Store {
    /// How far a feed has been read, RFC 3339 in UTC; `None` before its first pass.
    pub async fn cursor(&self, feed: &str) -> Result<Option<String>, StoreError> {
        let reached = sqlx::query_scalar("SELECT reached FROM feed WHERE name = ?");
        Ok(reached.bind(feed).fetch_optional(&self.pool).await?)
    }

    /// Moves a feed's cursor on. A cursor never goes back: an earlier instant changes nothing.
    pub async fn set_cursor(&self, feed: &str, reached: &str) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO feed (name, reached) VALUES (?, ?)
             ON CONFLICT (name) DO UPDATE SET reached = excluded.reached WHERE excluded.reached > feed.reached",
        )
        .bind(feed)
        .bind(instant(reached)?)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Adds a pass to the ledger. One whose outcomes do not add up to the units seen is refused.
    pub async fn record_pass(&self, pass: &PassSummary) -> Result<(), StoreError> {
        let (seen, accounted) = (u64::from(pass.seen), pass.accounted());
        if seen != accounted {
            return Err(StoreError::Unbalanced { seen, accounted });
        }
        sqlx::query(
            "INSERT INTO pass (started, finished, seen, written, unchanged, not_her2, no_result, review, retry, failed, shadow)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(instant(&pass.started)?)
        .bind(instant(&pass.finished)?)
        .bind(pass.seen)
        .bind(pass.written)
        .bind(pass.unchanged)
        .bind(pass.not_her2)
        .bind(pass.no_result)
        .bind(pass.review)
        .bind(pass.retry)
        .bind(pass.failed)
        .bind(pass.shadow)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The pass recorded last.
    pub async fn last_pass(&self) -> Result<Option<PassSummary>, StoreError> {
        let row = sqlx::query("SELECT * FROM pass ORDER BY id DESC LIMIT 1")
            .fetch_optional(&self.pool)
            .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(PassSummary {
            started: row.try_get("started")?,
            finished: row.try_get("finished")?,
            seen: row.try_get("seen")?,
            written: row.try_get("written")?,
            unchanged: row.try_get("unchanged")?,
            not_her2: row.try_get("not_her2")?,
            no_result: row.try_get("no_result")?,
            review: row.try_get("review")?,
            retry: row.try_get("retry")?,
            failed: row.try_get("failed")?,
            shadow: row.try_get("shadow")?,
        }))
    }

    /// Puts a unit on the retry list. One that is there already keeps its first instant and takes the new reason; one
    /// that failed again, or that the brake holds, is left alone for longer each time, so that it costs little and still is never forgotten.
    pub async fn park(&self, unit: &str, why: &str, now: &str) -> Result<(), StoreError> {
        let now = instant(now)?;
        let mut transaction = self.begin().await?;
        let attempts: Option<i64> =
            sqlx::query_scalar("SELECT attempts FROM parked WHERE unit = ?")
                .bind(unit)
                .fetch_optional(&mut *transaction)
                .await?;
        let attempts = attempts.unwrap_or(0).saturating_add(1);
        let due = match why {
            "failed" | "brake" => after(&now, rest_minutes(attempts))?,
            _ => now.clone(),
        };
        sqlx::query(
            "INSERT INTO parked (unit, why, since, attempts, due) VALUES (?, ?, ?, ?, ?)
             ON CONFLICT (unit) DO UPDATE SET
                 why = excluded.why, attempts = excluded.attempts, due = excluded.due",
        )
        .bind(unit)
        .bind(why)
        .bind(&now)
        .bind(attempts)
        .bind(due)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// The retry list, by unit.
    pub async fn parked(&self) -> Result<Vec<Parked>, StoreError> {
        let rows = sqlx::query("SELECT * FROM parked ORDER BY unit")
            .fetch_all(&self.pool)
            .await?;
        rows.iter()
            .map(|row| {
                Ok(Parked {
                    unit: row.try_get("unit")?,
                    why: row.try_get("why")?,
                    since: row.try_get("since")?,
                    due: row.try_get("due")?,
                })
            })
            .collect()
    }

    /// Takes a unit off the retry list.
    pub async fn unpark(&self, unit: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM parked WHERE unit = ?")
            .bind(unit)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

impl Parked {
    /// A unit that is open from now on.
    pub fn due_at(unit: String, now: &str) -> Self {
        Self {
            unit,
            why: "shadow".to_owned(),
            since: now.to_owned(),
            due: now.to_owned(),
        }
    }

    /// Whether a pass that begins now looks at it.
    pub fn is_due(&self, now: DateTime<Utc>) -> bool {
        DateTime::parse_from_rfc3339(&self.due).map_or(true, |due| due <= now)
    }
}

/// How long a unit is left alone that has failed this often.
fn rest_minutes(attempts: i64) -> i64 {
    match u32::try_from(attempts.saturating_sub(2)) {
        // The first time it is looked at again at once.
        Err(_) => 0,
        Ok(doublings) => FIRST_REST_MINUTES
            .saturating_mul(1 << doublings.min(16))
            .min(LONGEST_REST_MINUTES),
    }
}

fn after(now: &str, minutes: i64) -> Result<String, StoreError> {
    let now = DateTime::parse_from_rfc3339(now).map_err(|_| StoreError::NotAnInstant)?;
    instant(&(now + TimeDelta::minutes(minutes)).to_rfc3339())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_cursor_moves_on_and_never_back_whatever_the_zone() {
        let store = Store::in_memory().await.unwrap();
        assert_eq!(store.cursor("Observation").await.unwrap(), None);
        for (set, expected) in [
            ("2026-03-01T12:00:00+01:00", "2026-03-01T11:00:00.000000Z"),
            ("2026-03-01T11:30:00+02:00", "2026-03-01T11:00:00.000000Z"),
            ("2026-03-01T11:00:00.25Z", "2026-03-01T11:00:00.250000Z"),
            ("2026-03-01T11:00:00Z", "2026-03-01T11:00:00.250000Z"),
        ] {
            store.set_cursor("Observation", set).await.unwrap();
            assert_eq!(
                store.cursor("Observation").await.unwrap().unwrap(),
                expected
            );
        }
        assert_eq!(store.cursor("DiagnosticReport").await.unwrap(), None);
        assert!(matches!(
            store.set_cursor("Observation", "2026-03-01").await,
            Err(StoreError::NotAnInstant)
        ));
    }

    #[tokio::test]
    async fn the_ledger_takes_only_passes_that_account_for_every_unit() {
        let store = Store::in_memory().await.unwrap();
        assert_eq!(store.last_pass().await.unwrap(), None);
        let pass = PassSummary {
            started: "2026-03-01T11:00:00.000000Z".into(),
            finished: "2026-03-01T11:00:01.000000Z".into(),
            seen: 28,
            written: 1,
            unchanged: 2,
            not_her2: 3,
            no_result: 4,
            review: 5,
            retry: 6,
            failed: 7,
            shadow: true,
        };
        store.record_pass(&pass).await.unwrap();
        let error = store
            .record_pass(&PassSummary {
                seen: 29,
                ..pass.clone()
            })
            .await
            .unwrap_err();
        assert!(matches!(
            error,
            StoreError::Unbalanced {
                seen: 29,
                accounted: 28
            }
        ));
        assert_eq!(store.last_pass().await.unwrap(), Some(pass.clone()));
        let second = PassSummary {
            seen: 0,
            written: 0,
            unchanged: 0,
            not_her2: 0,
            no_result: 0,
            ..pass
        };
        let second = PassSummary {
            review: 0,
            retry: 0,
            failed: 0,
            ..second
        };
        store.record_pass(&second).await.unwrap();
        assert_eq!(store.last_pass().await.unwrap(), Some(second));
    }

    #[tokio::test]
    async fn a_parked_unit_keeps_its_instant_and_takes_the_latest_reason() {
        let store = Store::in_memory().await.unwrap();
        store
            .park("DiagnosticReport/r2", "busy", "2026-03-01T11:00:00Z")
            .await
            .unwrap();
        store
            .park("DiagnosticReport/r1", "busy", "2026-03-01T11:00:00Z")
            .await
            .unwrap();
        store
            .park("DiagnosticReport/r2", "conflict", "2026-03-02T11:00:00Z")
            .await
            .unwrap();
        let parked = |unit: &str, why: &str, due: &str| Parked {
            unit: unit.into(),
            why: why.into(),
            since: "2026-03-01T11:00:00.000000Z".into(),
            due: due.into(),
        };
        let (first, second) = (
            parked("DiagnosticReport/r1", "busy", "2026-03-01T11:00:00.000000Z"),
            parked(
                "DiagnosticReport/r2",
                "conflict",
                "2026-03-02T11:00:00.000000Z",
            ),
        );
        assert_eq!(store.parked().await.unwrap(), [first, second.clone()]);
        store.unpark("DiagnosticReport/r1").await.unwrap();
        assert_eq!(store.parked().await.unwrap(), [second]);
    }

    #[tokio::test]
    async fn a_unit_that_keeps_failing_is_left_alone_for_longer_each_time() {
        let store = Store::in_memory().await.unwrap();
        let mut dues = Vec::new();
        for _ in 0..4 {
            store
                .park("DiagnosticReport/r", "failed", "2026-03-01T11:00:00Z")
                .await
                .unwrap();
            dues.push(store.parked().await.unwrap()[0].due[11..16].to_owned());
        }
        assert_eq!(dues, ["11:00", "11:05", "11:10", "11:20"]);
        let later = DateTime::parse_from_rfc3339("2026-03-01T11:20:00Z")
            .unwrap()
            .to_utc();
        let parked = || async { store.parked().await.unwrap().remove(0) };
        assert!(
            parked().await.is_due(later) && !parked().await.is_due(later - TimeDelta::seconds(1))
        );
        assert_eq!(rest_minutes(100), LONGEST_REST_MINUTES);
    }
}
