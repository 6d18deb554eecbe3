//! The outbox: what is to be announced of results that were final, and how far that has come.
//!
//! An announcement is noted in the transaction that notes the change itself, so that neither is known without the other.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, Sqlite, Transaction};

use super::{Store, StoreError, instant};
use crate::pipeline::announcement::Announcement;

/// How far an announcement has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnnouncementState {
    /// It is to be sent when it is due.
    Open,
    /// The receiver has it.
    Delivered,
    /// The receiver has not taken it, and is not asked again.
    GivenUp,
    /// There was no receiver.
    NotSent,
}

impl AnnouncementState {
    const ALL: [Self; 4] = [Self::Open, Self::Delivered, Self::GivenUp, Self::NotSent];

    /// Its name in the store and for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Delivered => "delivered",
            Self::GivenUp => "given up",
            Self::NotSent => "not sent",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// An announcement with what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAnnouncement {
    /// The announcement.
    pub announcement: Announcement,
    /// How often it was sent, or was about to be.
    pub attempts: u32,
    /// When it is to be sent again, RFC 3339 in UTC.
    pub due: String,
    /// How far it has come.
    pub state: AnnouncementState,
}

impl Store {
    /// The announcements to send now, those first that have waited longest.
    pub async fn due_announcements(&self, now: &str) -> Result<Vec<KeptAnnouncement>, StoreError> {
        let rows = sqlx::query(
            "SELECT * FROM announcement WHERE state = ? AND due <= ? ORDER BY due, number",
        )
        .bind(AnnouncementState::Open.name())
        .bind(instant(now)?)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(kept_of).collect()
    }

    /// An announcement with what became of it.
    pub async fn announcement(&self, id: &str) -> Result<Option<KeptAnnouncement>, StoreError> {
        let row = sqlx::query("SELECT * FROM announcement WHERE id = ?")
            .bind(id)
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(kept_of).transpose()
    }

    /// Notes that an announcement is about to be sent, and when again unless it arrives. To be called before it is sent, so
    /// that a process that dies over it does not begin anew each time.
    pub async fn note_attempt(&self, id: &str, due: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE announcement SET attempts = attempts + 1, due = ? WHERE id = ?")
            .bind(instant(due)?)
            .bind(id)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Puts an announcement off, as its receiver has asked.
    pub async fn put_off_announcement(&self, id: &str, due: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE announcement SET due = ? WHERE id = ?")
            .bind(instant(due)?)
            .bind(id)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Notes how an announcement ended. One that has ended stays as it is.
    pub async fn end_announcement(
        &self,
        id: &str,
        state: AnnouncementState,
        at: &str,
    ) -> Result<(), StoreError> {
        sqlx::query("UPDATE announcement SET state = ?, ended_at = ? WHERE id = ? AND state = ?")
            .bind(state.name())
            .bind(instant(at)?)
            .bind(id)
            .bind(AnnouncementState::Open.name())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Ends all announcements that are open, due or not. Gives their ids.
    pub async fn end_open_announcements(
        &self,
        state: AnnouncementState,
        at: &str,
    ) -> Result<Vec<String>, StoreError> {
        let at = instant(at)?;
        let open = AnnouncementState::Open.name();
        let mut transaction = self.begin().await?;
        let ids = sqlx::query_scalar("SELECT id FROM announcement WHERE state = ? ORDER BY number")
            .bind(open)
            .fetch_all(&mut *transaction)
            .await?;
        sqlx::query("UPDATE announcement SET state = ?, ended_at = ? WHERE state = ?")
            .bind(state.name())
            .bind(at)
            .bind(open)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(ids)
    }
}

/// Puts an announcement into the outbox. `false` where it is there already, or was.
pub(super) async fn put_announcement(
    transaction: &mut Transaction<'_, Sqlite>,
    announcement: &Announcement,
    at: &str,
) -> Result<bool, StoreError> {
    let at = instant(at)?;
    let put = sqlx::query(
        "INSERT INTO announcement (id, case_id, body, noted_at, due, state) VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT (id) DO NOTHING",
    )
    .bind(&announcement.id)
    .bind(&announcement.case)
    .bind(&announcement.body)
    .bind(&at)
    .bind(&at)
    .bind(AnnouncementState::Open.name())
    .execute(&mut **transaction)
    .await?;
    Ok(put.rows_affected() > 0)
}

/// Tells whoever reads the log, who may be the only one to be told. To be called when the note is on disk.
pub(super) fn say_noted(announcement: &Announcement) {
    tracing::warn!(
        case = announcement.case,
        id = announcement.id,
        "a HER2 result that was final has changed"
    );
}

fn kept_of(row: &SqliteRow) -> Result<KeptAnnouncement, StoreError> {
    let state: String = row.try_get("state")?;
    Ok(KeptAnnouncement {
        announcement: Announcement {
            id: row.try_get("id")?,
            case: row.try_get("case_id")?,
            body: row.try_get("body")?,
        },
        attempts: row.try_get("attempts")?,
        due: row.try_get("due")?,
        state: AnnouncementState::parse(&state).ok_or(StoreError::Damaged)?,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::super::PublishedCase;
    use super::*;

    fn announcement(number: u32) -> Announcement {
        Announcement {
            id: format!("h2a-{number}"),
            case: "c1".into(),
            body: format!("{{\"number\":{number}}}"),
        }
    }

    async fn confirm(store: &Store, announcements: &[Announcement], at: &str) {
        let case = PublishedCase {
            case_id: "c1".into(),
            observation_id: "h2o-1".into(),
            fingerprint: "f1".into(),
            judged: String::new(),
            etag: None,
            status: "amended".into(),
            task_ids: Vec::new(),
            subject: Some("Patient/CANARY".into()),
        };
        let server = "https://a.example/fhir";
        let confirmed = store.confirm(&case, server, &[], &[], announcements, at);
        confirmed.await.unwrap();
    }

    async fn due(store: &Store, now: &str) -> Vec<String> {
        let due = store.due_announcements(now).await.unwrap();
        due.into_iter().map(|kept| kept.announcement.id).collect()
    }

    async fn state(store: &Store, number: u32) -> (AnnouncementState, u32) {
        let kept = store.announcement(&format!("h2a-{number}")).await.unwrap();
        let kept = kept.unwrap();
        assert_eq!(kept.announcement, announcement(number));
        (kept.state, kept.attempts)
    }

    #[tokio::test]
    async fn an_announcement_is_noted_once_and_due_at_once() {
        let store = Store::in_memory().await.unwrap();
        let (before, at, later) = (
            "2026-11-20T09:59:59Z",
            "2026-11-20T11:00:00+01:00",
            "2026-11-20T10:00:01Z",
        );
        confirm(&store, &[announcement(2), announcement(1)], at).await;
        assert!(due(&store, before).await.is_empty());
        assert_eq!(due(&store, at).await, ["h2a-2", "h2a-1"]);
        store
            .end_announcement("h2a-2", AnnouncementState::Delivered, later)
            .await
            .unwrap();
        confirm(&store, &[announcement(2)], later).await;
        assert_eq!(due(&store, later).await, ["h2a-1"]);
        assert_eq!(state(&store, 2).await, (AnnouncementState::Delivered, 0));
        assert_eq!(store.announcement("h2a-3").await.unwrap(), None);
    }

    #[tokio::test]
    async fn an_attempt_is_counted_and_puts_the_announcement_off() {
        let store = Store::in_memory().await.unwrap();
        let at = |second| format!("2026-11-20T10:00:{second:02}Z");
        confirm(&store, &[announcement(1)], &at(0)).await;
        confirm(&store, &[announcement(2)], &at(1)).await;
        store.note_attempt("h2a-1", &at(5)).await.unwrap();
        assert_eq!(due(&store, &at(4)).await, ["h2a-2"]);
        assert_eq!(due(&store, &at(5)).await, ["h2a-2", "h2a-1"]);
        store.put_off_announcement("h2a-1", &at(9)).await.unwrap();
        assert_eq!(due(&store, &at(8)).await, ["h2a-2"]);
        assert_eq!(state(&store, 1).await, (AnnouncementState::Open, 1));
    }

    #[tokio::test]
    async fn what_has_ended_is_neither_due_nor_ended_again() {
        let store = Store::in_memory().await.unwrap();
        let at = "2026-11-20T10:00:00Z";
        let all = [1, 2, 3].map(announcement);
        confirm(&store, &all, at).await;
        let end = async |number: u32, state| {
            let id = format!("h2a-{number}");
            store.end_announcement(&id, state, at).await.unwrap();
        };
        end(1, AnnouncementState::Delivered).await;
        end(1, AnnouncementState::GivenUp).await;
        let ended = store.end_open_announcements(AnnouncementState::NotSent, at);
        assert_eq!(ended.await.unwrap(), ["h2a-2", "h2a-3"]);
        assert_eq!(state(&store, 1).await.0, AnnouncementState::Delivered);
        assert_eq!(state(&store, 2).await.0, AnnouncementState::NotSent);
        assert!(due(&store, "2027-01-01T00:00:00Z").await.is_empty());
    }

    #[tokio::test]
    async fn a_confirmation_that_fails_announces_nothing() {
        let store = Store::in_memory().await.unwrap();
        let case = PublishedCase {
            case_id: "c1".into(),
            observation_id: "h2o-1".into(),
            fingerprint: "f1".into(),
            judged: String::new(),
            etag: None,
            status: "amended".into(),
            task_ids: vec!["t".into()],
            subject: None,
        };
        let announced = [announcement(1)];
        let confirmed = store.confirm(&case, "s", &[], &[], &announced, "today");
        assert!(matches!(confirmed.await, Err(StoreError::NotAnInstant)));
        assert_eq!(store.announcement("h2a-1").await.unwrap(), None);
        assert_eq!(store.published("c1").await.unwrap(), None);
    }

    /// Log lines, kept.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn the_log_says_once_that_a_final_result_has_changed_and_not_whose() {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || writer.clone())
            .with_ansi(false)
            .finish();
        let _guard = tracing::subscriber::set_default(subscriber);
        let store = Store::in_memory().await.unwrap();
        // Another test may have met this place in the code first, without anybody who listens; that is forgotten here.
        confirm(&store, &[announcement(2)], "2026-11-20T10:00:00Z").await;
        tracing::callsite::rebuild_interest_cache();
        lines.0.lock().unwrap().clear();
        for _ in 0..2 {
            confirm(&store, &[announcement(1)], "2026-11-20T10:00:00Z").await;
        }
        let logged = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let said: Vec<&str> = (logged.lines())
            .filter(|line| line.contains("a HER2 result that was final has changed"))
            .collect();
        assert_eq!(said.len(), 1, "{logged}");
        assert!(said[0].contains("WARN") && said[0].contains("case=\"c1\" id=\"h2a-1\""));
        assert!(!logged.contains("CANARY"), "{logged}");
    }
}
