//! What is to be looked at again although no search will show that it has changed: the sources of cases, and days that
//! somebody waits for.

use std::collections::BTreeSet;

use sqlx::Row;

use super::{Store, StoreError, instant};

/// A source as it was when it was looked at last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// Its reference, `Type/id`.
    pub source: String,
    /// Its version; none where it was not there, or states none.
    pub version: Option<String>,
}

impl Store {
    /// Notes what a case is to be watched by, in place of what it was, and as what each was found at an instant.
    pub async fn watch(
        &self,
        case_id: &str,
        sources: &[Looked],
        at: &str,
    ) -> Result<(), StoreError> {
        let at = instant(at)?;
        let mut transaction = self.begin().await?;
        sqlx::query("DELETE FROM watched WHERE case_id = ?")
            .bind(case_id)
            .execute(&mut *transaction)
            .await?;
        for Looked { source, version } in sources {
            sqlx::query(
                "INSERT INTO watched (case_id, source) VALUES (?, ?) ON CONFLICT DO NOTHING",
            )
            .bind(case_id)
            .bind(source)
            .execute(&mut *transaction)
            .await?;
            sqlx::query(
                "INSERT INTO looked_at (source, version, at) VALUES (?, ?, ?)
                 ON CONFLICT (source) DO UPDATE SET version = excluded.version, at = excluded.at",
            )
            .bind(source)
            .bind(version)
            .bind(&at)
            .execute(&mut *transaction)
            .await?;
        }
        sqlx::query(
            "DELETE FROM looked_at WHERE NOT EXISTS
                 (SELECT 1 FROM watched WHERE watched.source = looked_at.source)
             AND at < ?",
        )
        .bind(&at)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// So many sources that were not looked at since an instant, the longest ago first.
    pub async fn looked_at_before(
        &self,
        before: &str,
        most: u32,
    ) -> Result<Vec<Looked>, StoreError> {
        let rows = sqlx::query(
            "SELECT source, version FROM looked_at WHERE at < ? ORDER BY at, source LIMIT ?",
        )
        .bind(instant(before)?)
        .bind(most)
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(Looked {
                    source: row.try_get("source")?,
                    version: row.try_get("version")?,
                })
            })
            .collect()
    }

    /// Notes that a source was looked at; its version stays what its cases were judged from.
    pub async fn note_look(&self, source: &str, at: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE looked_at SET at = ? WHERE source = ?")
            .bind(instant(at)?)
            .bind(source)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// The cases that are watched by a source, sorted.
    pub async fn cases_of_watched(&self, source: &str) -> Result<BTreeSet<String>, StoreError> {
        let cases = sqlx::query_scalar("SELECT case_id FROM watched WHERE source = ?");
        let cases = cases.bind(source).fetch_all(&self.pool).await?;
        Ok(cases.into_iter().collect())
    }

    /// The cases of a patient of which a result or a Task stands, as far as it was written from this store.
    pub async fn cases_of_subject(&self, subject: &str) -> Result<BTreeSet<String>, StoreError> {
        let cases = sqlx::query_scalar(
            "SELECT case_id FROM published_case WHERE subject = ? AND status <> 'entered-in-error'",
        );
        let cases = cases.bind(subject).fetch_all(&self.pool).await?;
        Ok(cases.into_iter().collect())
    }

    /// Notes the instant from which on a case has to be looked at for a day that passes; none for no such day.
    pub async fn set_due(&self, case_id: &str, due: Option<&str>) -> Result<(), StoreError> {
        let query = match due {
            Some(due) => sqlx::query(
                "INSERT INTO due_case (case_id, due) VALUES (?, ?)
                 ON CONFLICT (case_id) DO UPDATE SET due = excluded.due",
            )
            .bind(case_id)
            .bind(instant(due)?),
            None => sqlx::query("DELETE FROM due_case WHERE case_id = ?").bind(case_id),
        };
        query.execute(&self.pool).await?;
        Ok(())
    }

    /// The cases that are due by an instant.
    pub async fn due_cases(&self, now: &str) -> Result<BTreeSet<String>, StoreError> {
        let cases = sqlx::query_scalar("SELECT case_id FROM due_case WHERE due <= ?");
        let cases = cases.bind(instant(now)?).fetch_all(&self.pool).await?;
        Ok(cases.into_iter().collect())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::slice;

    use super::*;

    fn looked(source: &str, version: Option<&str>) -> Looked {
        Looked {
            source: source.to_owned(),
            version: version.map(str::to_owned),
        }
    }

    #[tokio::test]
    async fn what_was_looked_at_longest_ago_comes_first_and_only_while_a_case_needs_it() {
        let store = Store::in_memory().await.unwrap();
        let (a, b) = (
            looked("Observation/a", Some("1")),
            looked("Patient/b", None),
        );
        let watch = async |case, sources: &[Looked], at| store.watch(case, sources, at).await;
        watch("c1", std::slice::from_ref(&b), "2026-01-01T00:00:00Z")
            .await
            .unwrap();
        watch("c2", std::slice::from_ref(&a), "2026-01-02T00:00:00Z")
            .await
            .unwrap();
        let before = async |at, most| store.looked_at_before(at, most).await.unwrap();
        assert_eq!(
            before("2026-01-03T00:00:00Z", 9).await,
            [b.clone(), a.clone()]
        );
        assert_eq!(before("2026-01-03T00:00:00Z", 1).await, slice::from_ref(&b));
        assert_eq!(before("2026-01-02T00:00:00Z", 9).await, slice::from_ref(&b));
        store
            .note_look("Patient/b", "2026-01-04T00:00:00Z")
            .await
            .unwrap();
        assert_eq!(before("2026-01-03T00:00:00Z", 9).await, [a]);
        let cases = store.cases_of_watched("Patient/b").await.unwrap();
        assert_eq!(cases, BTreeSet::from(["c1".to_owned()]));
        watch("c1", &[], "2026-01-05T00:00:00Z").await.unwrap();
        assert_eq!(before("2026-01-06T00:00:00Z", 9).await.len(), 1);
    }

    #[tokio::test]
    async fn a_case_is_due_from_its_instant_on_until_that_is_taken_back() {
        let store = Store::in_memory().await.unwrap();
        store
            .set_due("c1", Some("2026-01-02T00:00:00+01:00"))
            .await
            .unwrap();
        let due = async |at| store.due_cases(at).await.unwrap().len();
        assert_eq!(due("2026-01-01T22:59:59Z").await, 0);
        assert_eq!(due("2026-01-01T23:00:00Z").await, 1);
        store.set_due("c1", None).await.unwrap();
        assert_eq!(due("2026-01-03T00:00:00Z").await, 0);
    }
}
