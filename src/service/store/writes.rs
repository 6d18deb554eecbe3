//! Writing: what is about to be written, what was, where it is, who is at it, and what a server honours.

use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, Sqlite, Transaction};

use super::announcements::{put_announcement, say_noted};
use super::cases::put_published;
use super::{PublishedCase, Store, StoreError, instant};
use crate::pipeline::announcement::Announcement;

/// A write that was about to happen and that nobody has confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// The case.
    pub case_id: String,
    /// Base URL of the server it was to go to.
    pub server: String,
    /// Fingerprint that the write was to publish.
    pub fingerprint: String,
    /// What was to be written, in its order.
    pub entries: Vec<IntendedEntry>,
    /// When it was recorded, RFC 3339 in UTC.
    pub recorded_at: String,
}

/// One resource of an intended write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntendedEntry {
    /// Its type.
    pub kind: String,
    /// Its id as it follows from the case.
    pub own_id: String,
    /// Its text as composed.
    pub text: String,
}

/// A version of a source that a written result rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceVersion {
    /// Its reference, `Type/id`.
    pub source: String,
    /// Its version.
    pub version: String,
    /// When the server stored that, RFC 3339.
    pub last_updated: String,
}

/// A version of a resource that was written. Nobody changes or removes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenVersion {
    /// Its type.
    pub kind: String,
    /// Its id as it follows from the case.
    pub own_id: String,
    /// The version as the server prints it, where it does.
    pub version: Option<String>,
    /// Its text as composed.
    pub text: String,
}

impl Store {
    /// Notes that a write is about to happen, in place of an earlier intent of the case. To be called before anything is
    /// sent.
    pub async fn record_intent(&self, intent: &Intent) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO intent (case_id, server, fingerprint, entries, recorded_at) VALUES (?, ?, ?, ?, ?)
             ON CONFLICT (case_id, server) DO UPDATE SET
                 fingerprint = excluded.fingerprint, entries = excluded.entries,
                 recorded_at = excluded.recorded_at",
        )
        .bind(&intent.case_id)
        .bind(&intent.server)
        .bind(&intent.fingerprint)
        .bind(serde_json::to_string(&intent.entries).unwrap_or_default())
        .bind(instant(&intent.recorded_at)?)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The write of a case to a server that nobody has confirmed.
    pub async fn intent(&self, case_id: &str, server: &str) -> Result<Option<Intent>, StoreError> {
        let row = sqlx::query("SELECT * FROM intent WHERE case_id = ? AND server = ?")
            .bind(case_id)
            .bind(server)
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(intent_of).transpose()
    }

    /// The cases of which a write to a server is not confirmed, sorted.
    pub async fn intended_cases(&self, server: &str) -> Result<Vec<String>, StoreError> {
        let cases =
            sqlx::query_scalar("SELECT case_id FROM intent WHERE server = ? ORDER BY case_id");
        Ok(cases.bind(server).fetch_all(&self.pool).await?)
    }

    /// Notes that the write of a case is certain not to have happened.
    pub async fn clear_intent(&self, case_id: &str, server: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM intent WHERE case_id = ? AND server = ?")
            .bind(case_id)
            .bind(server)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Notes what stands now and which versions of sources it rests on, copies the versions that were written, notes what is
    /// to be announced of that, and ends the intent: all of it or nothing. An older version of a source than is noted changes
    /// nothing, nor does an announcement that is noted already.
    pub async fn confirm(
        &self,
        case: &PublishedCase,
        server: &str,
        versions: &[WrittenVersion],
        sources: &[SourceVersion],
        announcements: &[Announcement],
        at: &str,
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        put_published(&mut transaction, case).await?;
        let of_what = (case.case_id.as_str(), case.fingerprint.as_str());
        append(&mut transaction, of_what, server, versions, at).await?;
        for source in sources {
            note_source(&mut transaction, source).await?;
        }
        let mut new = Vec::new();
        for announcement in announcements {
            if put_announcement(&mut transaction, announcement, at).await? {
                new.push(announcement);
            }
        }
        sqlx::query("DELETE FROM intent WHERE case_id = ? AND server = ?")
            .bind(&case.case_id)
            .bind(server)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        new.into_iter().for_each(say_noted);
        Ok(())
    }

    /// Copies versions of resources that were written beside a result; what is noted of that stays as it is.
    pub async fn keep(
        &self,
        case_id: &str,
        server: &str,
        fingerprint: Option<&str>,
        versions: &[WrittenVersion],
        at: &str,
    ) -> Result<(), StoreError> {
        let of_what = (case_id, fingerprint.unwrap_or_default());
        let mut transaction = self.begin().await?;
        append(&mut transaction, of_what, server, versions, at).await?;
        Ok(transaction.commit().await?)
    }

    /// The copies of what was written for a case, in the order of writing.
    pub async fn written_versions(&self, case_id: &str) -> Result<Vec<WrittenVersion>, StoreError> {
        let rows = sqlx::query("SELECT * FROM written_version WHERE case_id = ? ORDER BY number")
            .bind(case_id)
            .fetch_all(&self.pool)
            .await?;
        rows.iter()
            .map(|row| {
                Ok(WrittenVersion {
                    kind: row.try_get("kind")?,
                    own_id: row.try_get("own_id")?,
                    version: row.try_get("version")?,
                    text: row.try_get("text")?,
                })
            })
            .collect()
    }

    /// The cases of which something was written since an instant, sorted.
    pub async fn written_since(&self, since: &str) -> Result<Vec<String>, StoreError> {
        let cases = sqlx::query_scalar(
            "SELECT DISTINCT case_id FROM written_version WHERE written_at >= ? ORDER BY case_id",
        );
        Ok(cases.bind(instant(since)?).fetch_all(&self.pool).await?)
    }

    /// Notes under which id a server keeps a resource of ours.
    pub async fn set_address(
        &self,
        server: &str,
        kind: &str,
        own_id: &str,
        server_id: &str,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO address (server, kind, own_id, server_id) VALUES (?, ?, ?, ?)
             ON CONFLICT (server, kind, own_id) DO UPDATE SET server_id = excluded.server_id",
        )
        .bind(server)
        .bind(kind)
        .bind(own_id)
        .bind(server_id)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Under which id a server keeps a resource of ours, if it was ever seen there.
    pub async fn address(
        &self,
        server: &str,
        kind: &str,
        own_id: &str,
    ) -> Result<Option<String>, StoreError> {
        let id = sqlx::query_scalar(
            "SELECT server_id FROM address WHERE server = ? AND kind = ? AND own_id = ?",
        );
        Ok(id
            .bind(server)
            .bind(kind)
            .bind(own_id)
            .fetch_optional(&self.pool)
            .await?)
    }

    /// Takes a case for one writer until an instant. `false` where another has it and its time is not over at `now`.
    pub async fn lease(
        &self,
        case_id: &str,
        holder: &str,
        now: &str,
        until: &str,
    ) -> Result<bool, StoreError> {
        let taken = sqlx::query(
            "INSERT INTO lease (case_id, holder, until) VALUES (?, ?, ?)
             ON CONFLICT (case_id) DO UPDATE SET holder = excluded.holder, until = excluded.until
             WHERE lease.holder = excluded.holder OR lease.until <= ?",
        )
        .bind(case_id)
        .bind(self.named(holder))
        .bind(instant(until)?)
        .bind(instant(now)?)
        .execute(&self.pool)
        .await?;
        Ok(taken.rows_affected() > 0)
    }

    /// Gives back what any keeper has taken. What a guest has, who may be at work, ends with its time.
    pub(super) async fn forget_leases(&self) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM lease WHERE holder NOT LIKE 'guest %'")
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    fn named(&self, holder: &str) -> String {
        match self.is_guest {
            true => format!("guest {holder}"),
            false => holder.to_owned(),
        }
    }

    /// Gives a case back. One that another has taken meanwhile stays with that one.
    pub async fn release_lease(&self, case_id: &str, holder: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM lease WHERE case_id = ? AND holder = ?")
            .bind(case_id)
            .bind(self.named(holder))
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// What was found of a server by trying, as it was given; nothing where its software is another now.
    pub async fn tried_server(
        &self,
        server: &str,
        software: &str,
    ) -> Result<Option<String>, StoreError> {
        let dialect = sqlx::query_scalar(
            "SELECT dialect FROM tried_server WHERE server = ? AND software = ?",
        );
        Ok(dialect
            .bind(server)
            .bind(software)
            .fetch_optional(&self.pool)
            .await?)
    }

    /// Notes what was found of a server by trying.
    pub async fn set_tried_server(
        &self,
        server: &str,
        software: &str,
        dialect: &str,
        at: &str,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO tried_server (server, software, dialect, tried_at) VALUES (?, ?, ?, ?)
             ON CONFLICT (server) DO UPDATE SET
                 software = excluded.software, dialect = excluded.dialect, tried_at = excluded.tried_at",
        )
        .bind(server)
        .bind(software)
        .bind(dialect)
        .bind(instant(at)?)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The newest version of a source that a written result rests on: its version and when the server stored that.
    pub async fn source_version(
        &self,
        source: &str,
    ) -> Result<Option<(String, String)>, StoreError> {
        let row = sqlx::query("SELECT version, last_updated FROM source_version WHERE source = ?")
            .bind(source)
            .fetch_optional(&self.pool)
            .await?;
        row.map(|row| Ok((row.try_get("version")?, row.try_get("last_updated")?)))
            .transpose()
    }
}

async fn append(
    transaction: &mut Transaction<'_, Sqlite>,
    (case_id, fingerprint): (&str, &str),
    server: &str,
    versions: &[WrittenVersion],
    at: &str,
) -> Result<(), StoreError> {
    let at = instant(at)?;
    for version in versions {
        sqlx::query(
            "INSERT INTO written_version (case_id, server, kind, own_id, version, fingerprint, text, written_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(case_id)
        .bind(server)
        .bind(&version.kind)
        .bind(&version.own_id)
        .bind(&version.version)
        .bind(fingerprint)
        .bind(&version.text)
        .bind(&at)
        .execute(&mut **transaction)
        .await?;
    }
    Ok(())
}

async fn note_source(
    transaction: &mut Transaction<'_, Sqlite>,
    source: &SourceVersion,
) -> Result<(), StoreError> {
    // What is no instant cannot be compared, and is not remembered.
    let Ok(last_updated) = instant(&source.last_updated) else {
        return Ok(());
    };
    sqlx::query(
        "INSERT INTO source_version (source, version, last_updated) VALUES (?, ?, ?)
         ON CONFLICT (source) DO UPDATE SET
             version = excluded.version, last_updated = excluded.last_updated
         WHERE excluded.last_updated >= source_version.last_updated",
    )
    .bind(&source.source)
    .bind(&source.version)
    .bind(last_updated)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

fn intent_of(row: &SqliteRow) -> Result<Intent, StoreError> {
    let entries: String = row.try_get("entries")?;
    Ok(Intent {
        case_id: row.try_get("case_id")?,
        server: row.try_get("server")?,
        fingerprint: row.try_get("fingerprint")?,
        entries: serde_json::from_str(&entries).map_err(|_| StoreError::Damaged)?,
        recorded_at: row.try_get("recorded_at")?,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    const SERVER: &str = "https://a.example/fhir";

    fn intent(case_id: &str, fingerprint: &str, recorded_at: &str) -> Intent {
        Intent {
            case_id: case_id.into(),
            server: SERVER.into(),
            fingerprint: fingerprint.into(),
            entries: vec![IntendedEntry {
                kind: "Observation".into(),
                own_id: "h2o-1".into(),
                text: r#"{"value":2.00}"#.into(),
            }],
            recorded_at: recorded_at.into(),
        }
    }

    fn published(case_id: &str) -> PublishedCase {
        PublishedCase {
            case_id: case_id.into(),
            observation_id: "h2o-1".into(),
            fingerprint: "f1".into(),
            judged: "f1".into(),
            etag: None,
            status: "preliminary".into(),
            task_ids: Vec::new(),
            subject: None,
        }
    }

    #[tokio::test]
    async fn an_intent_stays_open_until_it_is_cleared_or_confirmed() {
        let store = Store::in_memory().await.unwrap();
        for (case, fingerprint, at) in [
            ("c2", "f1", "2026-01-02T04:04:05+01:00"),
            ("c1", "f1", "2026-01-02T03:04:06Z"),
            ("c2", "f2", "2026-01-02T03:04:07.5Z"),
        ] {
            store
                .record_intent(&intent(case, fingerprint, at))
                .await
                .unwrap();
        }
        assert!(store.intent("c1", SERVER).await.unwrap().is_some());
        let of_c2 = intent("c2", "f2", "2026-01-02T03:04:07.500000Z");
        assert_eq!(store.intent("c2", SERVER).await.unwrap(), Some(of_c2));
        assert_eq!(store.intent("c2", "https://b.example").await.unwrap(), None);
        store.clear_intent("c2", SERVER).await.unwrap();
        let now = "2026-01-02T03:04:08Z";
        store
            .confirm(&published("c1"), SERVER, &[], &[], &[], now)
            .await
            .unwrap();
        for case in ["c1", "c2"] {
            assert_eq!(store.intent(case, SERVER).await.unwrap(), None);
        }
        assert_eq!(store.published("c1").await.unwrap(), Some(published("c1")));
        assert!(matches!(
            store.record_intent(&intent("c1", "f", "today")).await,
            Err(StoreError::NotAnInstant)
        ));
    }

    #[tokio::test]
    async fn every_version_that_was_written_is_kept_in_its_order() {
        let store = Store::in_memory().await.unwrap();
        let version = |version: &str| WrittenVersion {
            kind: "Observation".into(),
            own_id: "h2o-1".into(),
            version: Some(version.into()),
            text: format!(r#"{{"value":{version}.00}}"#),
        };
        let now = "2026-01-02T03:04:08Z";
        for number in ["2", "1"] {
            let case = published("c1");
            store
                .confirm(&case, SERVER, &[version(number)], &[], &[], now)
                .await
                .unwrap();
        }
        assert_eq!(
            store.written_versions("c1").await.unwrap(),
            [version("2"), version("1")]
        );
        assert!(store.written_versions("c2").await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_lease_is_for_one_writer_until_its_time_is_over() {
        let store = Store::in_memory().await.unwrap();
        let lease = async |holder, now, until| store.lease("c1", holder, now, until).await.unwrap();
        assert!(lease("a", "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z").await);
        assert!(!lease("b", "2026-01-01T00:00:59Z", "2026-01-01T00:02:00Z").await);
        assert!(lease("a", "2026-01-01T00:00:59Z", "2026-01-01T00:02:00Z").await);
        assert!(lease("b", "2026-01-01T00:02:00Z", "2026-01-01T00:03:00Z").await);
        // What another has taken is not given back by the first.
        store.release_lease("c1", "a").await.unwrap();
        assert!(!lease("a", "2026-01-01T00:02:30Z", "2026-01-01T00:04:00Z").await);
        store.release_lease("c1", "b").await.unwrap();
        assert!(lease("a", "2026-01-01T00:02:30Z", "2026-01-01T00:04:00Z").await);
    }

    #[tokio::test]
    async fn a_lease_does_not_outlive_the_process_that_took_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.sqlite");
        let (now, until) = ("2026-01-01T00:00:00Z", "2026-01-01T00:10:00Z");
        for holder in ["a", "b"] {
            let store = Store::open(&path).await.unwrap();
            assert!(store.lease("c1", holder, now, until).await.unwrap());
            store.close().await;
        }
    }

    #[tokio::test]
    async fn an_address_and_what_was_tried_belong_to_one_server() {
        let store = Store::in_memory().await.unwrap();
        for id in ["7", "8"] {
            store
                .set_address(SERVER, "Observation", "h2o-1", id)
                .await
                .unwrap();
        }
        let address = async |server| store.address(server, "Observation", "h2o-1").await.unwrap();
        assert_eq!(address(SERVER).await.as_deref(), Some("8"));
        assert_eq!(address("https://b.example").await, None);
        let now = "2026-01-02T03:04:08Z";
        store
            .set_tried_server(SERVER, "X 1", "{}", now)
            .await
            .unwrap();
        assert_eq!(
            store.tried_server(SERVER, "X 1").await.unwrap().as_deref(),
            Some("{}")
        );
        assert_eq!(store.tried_server(SERVER, "X 2").await.unwrap(), None);
    }

    #[tokio::test]
    async fn the_newest_version_of_a_source_is_remembered() {
        let store = Store::in_memory().await.unwrap();
        for (version, at) in [("2", "2026-01-01T00:00:02Z"), ("1", "2026-01-01T00:00:01Z")] {
            let source = SourceVersion {
                source: "Observation/o".into(),
                version: version.into(),
                last_updated: at.into(),
            };
            let case = published("c1");
            store
                .confirm(&case, SERVER, &[], &[source], &[], at)
                .await
                .unwrap();
        }
        let found = store.source_version("Observation/o").await.unwrap();
        assert_eq!(
            found,
            Some(("2".into(), "2026-01-01T00:00:02.000000Z".into()))
        );
    }
}
