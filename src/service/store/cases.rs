//! Cases: what is published of them, and what they rest on.

use std::collections::BTreeMap;

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, Sqlite, Transaction};

use super::{Store, StoreError};

/// What was last written for a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedCase {
    /// The case.
    pub case_id: String,
    /// Logical id of its Observation on the server.
    pub observation_id: String,
    /// Fingerprint of the evidence and rules it rests on.
    pub fingerprint: String,
    /// Fingerprint of the evidence that it was last held against and found to stand for, with its Tasks as they should be;
    /// empty where it is to be looked at again.
    pub judged: String,
    /// Version of the Observation as the server prints it.
    pub etag: Option<String>,
    /// The Observation's status code.
    pub status: String,
    /// Logical ids of its Tasks, in order.
    pub task_ids: Vec<String>,
    /// The subject's reference, if any.
    pub subject: Option<String>,
}

impl Store {
    /// What is published for a case.
    pub async fn published(&self, case_id: &str) -> Result<Option<PublishedCase>, StoreError> {
        let row = sqlx::query("SELECT * FROM published_case WHERE case_id = ?")
            .bind(case_id)
            .fetch_optional(&self.pool)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let tasks = sqlx::query_scalar(
            "SELECT task_id FROM published_task WHERE case_id = ? ORDER BY place",
        )
        .bind(case_id)
        .fetch_all(&self.pool)
        .await?;
        Ok(Some(published_case(&row, tasks)?))
    }

    /// All published cases, by case id.
    pub async fn all_published(&self) -> Result<Vec<PublishedCase>, StoreError> {
        let mut tasks: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let rows =
            sqlx::query("SELECT case_id, task_id FROM published_task ORDER BY case_id, place")
                .fetch_all(&self.pool)
                .await?;
        for row in rows {
            tasks
                .entry(row.try_get("case_id")?)
                .or_default()
                .push(row.try_get("task_id")?);
        }
        let rows = sqlx::query("SELECT * FROM published_case ORDER BY case_id")
            .fetch_all(&self.pool)
            .await?;
        rows.iter()
            .map(|row| {
                let case_id: String = row.try_get("case_id")?;
                published_case(row, tasks.remove(&case_id).unwrap_or_default())
            })
            .collect()
    }

    /// Has a case looked at again, whatever it was found to be.
    pub async fn doubt(&self, case_id: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE published_case SET judged = '' WHERE case_id = ?")
            .bind(case_id)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Notes on which sources (`Type/id`) a case rests, in place of those it did.
    ///
    /// A source that moves to another case stays noted for the old one until that has been judged again, so that
    /// `cases_of_source` names both.
    pub async fn set_sources_of_case(
        &self,
        case_id: &str,
        sources: &[String],
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query("DELETE FROM case_source WHERE case_id = ?")
            .bind(case_id)
            .execute(&mut *transaction)
            .await?;
        for source in sources {
            sqlx::query(
                "INSERT INTO case_source (case_id, source) VALUES (?, ?) ON CONFLICT DO NOTHING",
            )
            .bind(case_id)
            .bind(source)
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// The sources on which a case rests, sorted.
    pub async fn sources_of_case(&self, case_id: &str) -> Result<Vec<String>, StoreError> {
        let sources =
            sqlx::query_scalar("SELECT source FROM case_source WHERE case_id = ? ORDER BY source");
        Ok(sources.bind(case_id).fetch_all(&self.pool).await?)
    }

    /// The cases that rest on a source, sorted.
    pub async fn cases_of_source(&self, source: &str) -> Result<Vec<String>, StoreError> {
        let cases =
            sqlx::query_scalar("SELECT case_id FROM case_source WHERE source = ? ORDER BY case_id");
        Ok(cases.bind(source).fetch_all(&self.pool).await?)
    }
}

/// Notes what is now published for a case, as a part of a transaction.
pub(super) async fn put_published(
    transaction: &mut Transaction<'_, Sqlite>,
    case: &PublishedCase,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO published_case (case_id, observation_id, fingerprint, judged, etag, status, subject)
         VALUES (?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (case_id) DO UPDATE SET
             observation_id = excluded.observation_id, fingerprint = excluded.fingerprint, judged = excluded.judged,
             etag = excluded.etag, status = excluded.status, subject = excluded.subject",
    )
    .bind(&case.case_id)
    .bind(&case.observation_id)
    .bind(&case.fingerprint)
    .bind(&case.judged)
    .bind(&case.etag)
    .bind(&case.status)
    .bind(&case.subject)
    .execute(&mut **transaction)
    .await?;
    sqlx::query("DELETE FROM published_task WHERE case_id = ?")
        .bind(&case.case_id)
        .execute(&mut **transaction)
        .await?;
    for (place, task) in (0_i64..).zip(&case.task_ids) {
        sqlx::query("INSERT INTO published_task (case_id, place, task_id) VALUES (?, ?, ?)")
            .bind(&case.case_id)
            .bind(place)
            .bind(task)
            .execute(&mut **transaction)
            .await?;
    }
    Ok(())
}

fn published_case(row: &SqliteRow, task_ids: Vec<String>) -> Result<PublishedCase, StoreError> {
    Ok(PublishedCase {
        case_id: row.try_get("case_id")?,
        observation_id: row.try_get("observation_id")?,
        fingerprint: row.try_get("fingerprint")?,
        judged: row.try_get("judged")?,
        etag: row.try_get("etag")?,
        status: row.try_get("status")?,
        task_ids,
        subject: row.try_get("subject")?,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    fn case(case_id: &str, tasks: &[&str]) -> PublishedCase {
        PublishedCase {
            case_id: case_id.into(),
            observation_id: format!("h2o-{case_id}"),
            fingerprint: "f1".into(),
            judged: "f1".into(),
            etag: Some("W/\"1\"".into()),
            status: "preliminary".into(),
            task_ids: tasks.iter().map(|task| task.to_string()).collect(),
            subject: Some("Patient/p1".into()),
        }
    }

    async fn publish(store: &Store, case: &PublishedCase) {
        let (server, now) = ("https://a.example/fhir", "2026-01-02T03:04:05Z");
        let confirmed = store.confirm(case, server, &[], &[], &[], now);
        confirmed.await.unwrap();
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| text.to_string()).collect()
    }

    #[tokio::test]
    async fn the_latest_publication_of_a_case_replaces_the_earlier() {
        let store = Store::in_memory().await.unwrap();
        assert_eq!(store.published("c1").await.unwrap(), None);
        publish(&store, &case("c1", &["t2", "t1"])).await;
        assert_eq!(
            store.published("c1").await.unwrap(),
            Some(case("c1", &["t2", "t1"]))
        );
        let later = PublishedCase {
            etag: None,
            subject: None,
            status: "amended".into(),
            ..case("c1", &["t3"])
        };
        publish(&store, &later).await;
        assert_eq!(store.published("c1").await.unwrap(), Some(later));
    }

    #[tokio::test]
    async fn all_publications_come_in_order_with_their_own_tasks() {
        let store = Store::in_memory().await.unwrap();
        let cases = [
            case("c1", &["t1", "t2"]),
            case("c2", &[]),
            case("c3", &["t1"]),
        ];
        for case in cases.iter().rev() {
            publish(&store, case).await;
        }
        assert_eq!(store.all_published().await.unwrap(), cases);
    }

    #[tokio::test]
    async fn a_source_that_moves_names_its_old_case_until_that_is_judged_again() {
        let store = Store::in_memory().await.unwrap();
        store
            .set_sources_of_case("old", &texts(&["Observation/o2", "Observation/o1"]))
            .await
            .unwrap();
        assert_eq!(
            store.sources_of_case("old").await.unwrap(),
            ["Observation/o1", "Observation/o2"]
        );
        store
            .set_sources_of_case("new", &texts(&["Observation/o1", "Observation/o1"]))
            .await
            .unwrap();
        assert_eq!(
            store.cases_of_source("Observation/o1").await.unwrap(),
            ["new", "old"]
        );
        store
            .set_sources_of_case("old", &texts(&["Observation/o2"]))
            .await
            .unwrap();
        assert_eq!(
            store.cases_of_source("Observation/o1").await.unwrap(),
            ["new"]
        );
        store.set_sources_of_case("old", &[]).await.unwrap();
        assert!(
            store
                .cases_of_source("Observation/o2")
                .await
                .unwrap()
                .is_empty()
        );
    }
}
