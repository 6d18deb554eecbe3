//! What shadow mode would have written. Its results are only ever added; what is open is what the server has not got.

use std::collections::BTreeMap;

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::{Store, StoreError, instant};
use crate::fhir::pool::Rejected;

/// A result that shadow mode would have written, or the end of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShadowResult {
    /// The case.
    pub case_id: String,
    /// The patient, as far as known.
    pub subject: Option<String>,
    /// Fingerprint of the evidence and rules it rests on.
    pub fingerprint: String,
    /// The edition that decided.
    pub edition: String,
    /// The derived status.
    pub status: String,
    /// The derived category.
    pub category: String,
    /// The overall status as the laboratory sent it; several different ones stand side by side, and empty is none.
    pub reported: String,
    /// Whether it would stand; `false` where it would have been withdrawn.
    pub in_force: bool,
    /// Whether it is the view of a tumour beside the results of its specimens.
    pub is_view: bool,
    /// The Observation as it would have been written; none where only Tasks would have been.
    pub observation: Option<String>,
    /// When, RFC 3339.
    pub judged_at: String,
}

/// What is compared of a case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Compared {
    /// The edition that decided.
    pub edition: String,
    /// What the laboratory reported, as in [`ShadowResult::reported`].
    pub reported: String,
    /// The derived status.
    pub status: String,
}

impl Store {
    /// Adds a result of the shadow. With `open` the server has not got it.
    pub async fn add_shadow(&self, result: &ShadowResult, open: bool) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query(
            "INSERT INTO shadow_result
                 (case_id, subject, fingerprint, edition, status, category, reported, in_force, is_view, observation,
                  judged_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(&result.case_id)
        .bind(&result.subject)
        .bind(&result.fingerprint)
        .bind(&result.edition)
        .bind(&result.status)
        .bind(&result.category)
        .bind(&result.reported)
        .bind(result.in_force)
        .bind(result.is_view)
        .bind(&result.observation)
        .bind(instant(&result.judged_at)?)
        .execute(&mut *transaction)
        .await?;
        let state = match open {
            true => "INSERT INTO shadow_open (case_id) VALUES (?) ON CONFLICT DO NOTHING",
            false => "DELETE FROM shadow_open WHERE case_id = ?",
        };
        sqlx::query(state)
            .bind(&result.case_id)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// All results of the shadow for a case, in their order.
    pub async fn shadow_results(&self, case_id: &str) -> Result<Vec<ShadowResult>, StoreError> {
        let rows = sqlx::query("SELECT * FROM shadow_result WHERE case_id = ? ORDER BY number")
            .bind(case_id)
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(shadow_result).collect()
    }

    /// How many results the shadow has for a case, and the latest.
    pub async fn last_shadow(
        &self,
        case_id: &str,
    ) -> Result<Option<(i64, ShadowResult)>, StoreError> {
        let row = sqlx::query(
            "SELECT *, (SELECT COUNT(*) FROM shadow_result WHERE case_id = ?1) AS count
             FROM shadow_result WHERE case_id = ?1 ORDER BY number DESC LIMIT 1",
        )
        .bind(case_id)
        .fetch_optional(&self.pool)
        .await?;
        row.map(|row| Ok((row.try_get("count")?, shadow_result(&row)?)))
            .transpose()
    }

    /// Whether the server has not got what the shadow would have written for a case.
    pub async fn is_shadow_open(&self, case_id: &str) -> Result<bool, StoreError> {
        let found: Option<i64> = sqlx::query_scalar("SELECT 1 FROM shadow_open WHERE case_id = ?")
            .bind(case_id)
            .fetch_optional(&self.pool)
            .await?;
        Ok(found.is_some())
    }

    /// The cases of which the server has not got what the shadow would have written, sorted.
    pub async fn open_shadow(&self) -> Result<Vec<String>, StoreError> {
        let cases = sqlx::query_scalar("SELECT case_id FROM shadow_open ORDER BY case_id");
        Ok(cases.fetch_all(&self.pool).await?)
    }

    /// Puts the units of all open cases of the shadow on the retry list, and ends the shadow: from then on it is passes
    /// that write them which look after them. All of it or nothing.
    pub async fn end_shadow(&self, units: &[String], now: &str) -> Result<(), StoreError> {
        let now = instant(now)?;
        let mut transaction = self.begin().await?;
        for unit in units {
            sqlx::query(
                "INSERT INTO parked (unit, why, since, attempts, due) VALUES (?1, 'shadow', ?2, 0, ?2)
                 ON CONFLICT (unit) DO UPDATE SET attempts = 0, due = excluded.due",
            )
            .bind(unit)
            .bind(&now)
            .execute(&mut *transaction)
            .await?;
        }
        sqlx::query("DELETE FROM shadow_open")
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// How often each edition, report and status met, over the latest result of each case that would stand. Views of a
    /// tumour are left out: no laboratory reports on one.
    pub async fn compare_shadow(&self) -> Result<BTreeMap<Compared, u64>, StoreError> {
        let rows = sqlx::query(
            "SELECT edition, reported, status, COUNT(*) AS count FROM shadow_result
             WHERE number IN (SELECT MAX(number) FROM shadow_result GROUP BY case_id)
                 AND in_force AND NOT is_view
             GROUP BY edition, reported, status",
        )
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| {
                let compared = Compared {
                    edition: row.try_get("edition")?,
                    reported: row.try_get("reported")?,
                    status: row.try_get("status")?,
                };
                let count: i64 = row.try_get("count")?;
                Ok((compared, count.unsigned_abs()))
            })
            .collect()
    }

    /// Keeps an unreadable entry that the shadow could not put on the server's worklist.
    pub async fn add_unnamed(&self, rejected: &Rejected) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO shadow_unreadable (content, place, why) VALUES (?, ?, ?)
             ON CONFLICT (content) DO NOTHING",
        )
        .bind(&rejected.content)
        .bind(&rejected.place)
        .bind(&rejected.why)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The unreadable entries that stand on no worklist yet.
    pub async fn unnamed(&self) -> Result<Vec<Rejected>, StoreError> {
        let rows = sqlx::query("SELECT * FROM shadow_unreadable ORDER BY content")
            .fetch_all(&self.pool)
            .await?;
        rows.iter()
            .map(|row| {
                Ok(Rejected {
                    place: row.try_get("place")?,
                    why: row.try_get("why")?,
                    content: row.try_get("content")?,
                })
            })
            .collect()
    }

    /// Forgets an unreadable entry that stands on the worklist now.
    pub async fn forget_unnamed(&self, content: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM shadow_unreadable WHERE content = ?")
            .bind(content)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

fn shadow_result(row: &SqliteRow) -> Result<ShadowResult, StoreError> {
    Ok(ShadowResult {
        case_id: row.try_get("case_id")?,
        subject: row.try_get("subject")?,
        fingerprint: row.try_get("fingerprint")?,
        edition: row.try_get("edition")?,
        status: row.try_get("status")?,
        category: row.try_get("category")?,
        reported: row.try_get("reported")?,
        in_force: row.try_get("in_force")?,
        is_view: row.try_get("is_view")?,
        observation: row.try_get("observation")?,
        judged_at: row.try_get("judged_at")?,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    fn result(case_id: &str, status: &str) -> ShadowResult {
        ShadowResult {
            case_id: case_id.into(),
            subject: Some("Patient/p1".into()),
            fingerprint: format!("f-{status}"),
            edition: "asco-cap-2018".into(),
            status: status.into(),
            category: "none".into(),
            reported: "negative".into(),
            in_force: true,
            is_view: false,
            observation: Some(r#"{"value":2.00}"#.into()),
            judged_at: "2026-11-20T10:00:00.000000Z".into(),
        }
    }

    #[tokio::test]
    async fn every_result_is_kept_and_only_the_latest_that_would_stand_is_compared() {
        let store = Store::in_memory().await.unwrap();
        let withdrawn = ShadowResult {
            in_force: false,
            ..result("c2", "negative")
        };
        let view = ShadowResult {
            is_view: true,
            ..result("c3", "negative")
        };
        for result in [
            &result("c1", "negative"),
            &result("c2", "negative"),
            &result("c1", "positive"),
            &withdrawn,
            &view,
        ] {
            store.add_shadow(result, true).await.unwrap();
        }
        assert_eq!(
            store.shadow_results("c1").await.unwrap(),
            [result("c1", "negative"), result("c1", "positive")]
        );
        let last = store.last_shadow("c2").await.unwrap();
        assert_eq!(last, Some((2, withdrawn)));
        let compared = store.compare_shadow().await.unwrap();
        let only = Compared {
            edition: "asco-cap-2018".into(),
            reported: "negative".into(),
            status: "positive".into(),
        };
        assert_eq!(compared, BTreeMap::from([(only, 1)]));
    }

    #[tokio::test]
    async fn the_end_of_the_shadow_parks_its_units_and_what_failed_is_due_at_once() {
        let store = Store::in_memory().await.unwrap();
        let (before, now) = ("2026-11-20T10:00:00Z", "2026-11-20T10:01:00Z");
        for _ in 0..3 {
            store.park("Observation/o", "failed", before).await.unwrap();
        }
        store
            .add_shadow(&result("c1", "negative"), true)
            .await
            .unwrap();
        assert!(store.is_shadow_open("c1").await.unwrap());
        let units = ["DiagnosticReport/r", "Observation/o"].map(str::to_owned);
        store.end_shadow(&units, now).await.unwrap();
        assert!(store.open_shadow().await.unwrap().is_empty());
        let parked = store.parked().await.unwrap();
        let found: Vec<_> = (parked.iter())
            .map(|parked| (parked.why.as_str(), &parked.due[14..19]))
            .collect();
        assert_eq!(found, [("shadow", "01:00"), ("failed", "01:00")]);
        assert_eq!(store.shadow_results("c1").await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn what_the_server_has_is_not_open() {
        let store = Store::in_memory().await.unwrap();
        for open in [true, false] {
            let kept = result("c1", "negative");
            store.add_shadow(&kept, open).await.unwrap();
            assert_eq!(store.is_shadow_open("c1").await.unwrap(), open);
        }
    }
}
