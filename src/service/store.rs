//! What the program remembers between passes, in one SQLite file.
//!
//! It holds references, hashes, codes with their displays, and a copy of every version that was written, which nobody ever
//! changes: some servers keep no history. All but those copies, the shadow's results and the two outboxes (announcements, and
//! exchanges not yet told) can be rebuilt from the server by a pass over the whole history. An open intent says that a write may
//! have happened which nobody has confirmed.
//!
//! Each method is one transaction, on disk when it returns (WAL, `synchronous=FULL`). One process at a time keeps a file, that
//! is, runs passes with it; a lock file beside it sees to that. Others on the same machine may be its guests, for what a person
//! does at a terminal. Instants come in as RFC 3339 in any zone and are kept in UTC at fixed width, so that their
//! texts sort by time. The SQL is plain, so that another database can take its place.

mod announcements;
mod answers;
mod audit;
mod cases;
mod passes;
mod schema;
mod shadow;
mod unmapped;
mod watch;
mod writes;

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Sqlite, SqlitePool, Transaction};

pub use announcements::{AnnouncementState, KeptAnnouncement};
pub use answers::PublishedAnswer;
pub use audit::Untold;
pub use cases::PublishedCase;
pub use passes::{Parked, PassSummary};
use schema::MIGRATIONS;
pub use shadow::{Compared, ShadowResult};
pub use watch::Looked;
pub use writes::{IntendedEntry, Intent, SourceVersion, WrittenVersion};

/// Why the store cannot be used or does not take a value.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process keeps the file. Wait for it to end, or give this one its own file.
    #[error("the store is in use by another process (lock file {0})")]
    InUse(PathBuf),
    /// The file or its lock cannot be opened. Check the path and its permissions.
    #[error("cannot open {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// A later release has written the file. Use that release, or another file.
    #[error("the store has schema {found}, and this release knows {known} at most")]
    Newer {
        /// The schema of the file.
        found: i64,
        /// The last schema this release knows.
        known: i64,
    },
    /// SQLite's check found damage. Restore the file, or begin a new one and pass over the whole history.
    #[error("the store is damaged")]
    Damaged,
    /// SQLite fails, for instance for want of disk space. Stop, and ask a person.
    #[error("the store fails: {0}")]
    Database(#[from] sqlx::Error),
    /// An instant handed in is not RFC 3339: a fault of the program.
    #[error("an instant for the store is not RFC 3339")]
    NotAnInstant,
    /// The outcomes of a pass do not add up to the units seen: a fault of the program.
    #[error("a pass has seen {seen} units and accounts for {accounted}")]
    Unbalanced {
        /// Units seen.
        seen: u64,
        /// Units with an outcome.
        accounted: u64,
    },
}

/// The open store. Clones share it.
#[derive(Debug, Clone)]
pub struct Store {
    pool: SqlitePool,
    /// Held for as long as any clone lives; the operating system releases it even when the process is killed.
    _lock: Option<Arc<File>>,
    is_guest: bool,
}

impl Store {
    /// Opens the file to keep it, creating or migrating it where needed.
    pub async fn open(path: &Path) -> Result<Store, StoreError> {
        let lock = lock_beside(path).await?;
        // Created here rather than by SQLite so that other users of the machine cannot read it.
        open_private(path)?;
        let store = Store::connect(on_disk(path), Some(Arc::new(lock))).await?;
        store.check().await?;
        store.migrate().await?;
        // Whoever kept it before has ended without giving them back.
        store.forget_leases().await?;
        Ok(store)
    }

    /// Opens the file as a guest, whether or not a process keeps it.
    pub async fn open_as_guest(path: &Path) -> Result<Store, StoreError> {
        match Store::open(path).await {
            // Nobody keeps it, so it is made ready for us.
            Ok(keeper) => keeper.close().await,
            Err(StoreError::InUse(_)) => {}
            Err(error) => return Err(error),
        }
        let store = Store {
            is_guest: true,
            ..Store::connect(on_disk(path), None).await?
        };
        // A keeper of an earlier release has not made it what we need.
        match store.schema().await? < MIGRATIONS.len() {
            true => Err(StoreError::InUse(lock_of(path))),
            false => Ok(store),
        }
    }

    /// A store that is gone when its last clone is.
    pub async fn in_memory() -> Result<Store, StoreError> {
        let store = Store::connect(SqliteConnectOptions::new().in_memory(true), None).await?;
        store.migrate().await?;
        Ok(store)
    }

    /// Closes the file and waits until that is done. A store that is only dropped is closed some time after.
    pub async fn close(self) {
        self.pool.close().await;
    }

    async fn connect(
        options: SqliteConnectOptions,
        lock: Option<Arc<File>>,
    ) -> Result<Store, StoreError> {
        let options = options
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(5));
        // SQLite has one writer at a time, and a store in memory lives in its connection: one connection, kept.
        let pool = SqlitePoolOptions::new()
            .min_connections(1)
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options)
            .await?;
        Ok(Store {
            pool,
            _lock: lock,
            is_guest: false,
        })
    }

    /// Begins a transaction that writes. It waits for its turn here, and not when it has read what another is changing.
    async fn begin(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        Ok(self.pool.begin_with("BEGIN IMMEDIATE").await?)
    }

    async fn check(&self) -> Result<(), StoreError> {
        let verdict: String = sqlx::query_scalar("PRAGMA quick_check(1)")
            .fetch_one(&self.pool)
            .await?;
        if verdict == "ok" {
            Ok(())
        } else {
            Err(StoreError::Damaged)
        }
    }

    /// How many migrations the file has seen.
    async fn schema(&self) -> Result<usize, StoreError> {
        let found: i64 = sqlx::query_scalar("PRAGMA user_version")
            .fetch_one(&self.pool)
            .await?;
        let known = MIGRATIONS.len() as i64;
        if found > known {
            return Err(StoreError::Newer { found, known });
        }
        Ok(usize::try_from(found).unwrap_or(0))
    }

    async fn migrate(&self) -> Result<(), StoreError> {
        let done = self.schema().await?;
        for step in MIGRATIONS.into_iter().skip(done) {
            let mut transaction = self.begin().await?;
            sqlx::raw_sql(step).execute(&mut *transaction).await?;
            transaction.commit().await?;
        }
        Ok(())
    }
}

/// A process that is about to end, or that this one is just starting, may hold the lock for a moment: it is tried this often.
const LOCK_ATTEMPTS: u32 = 10;
const BETWEEN_LOCK_ATTEMPTS: Duration = Duration::from_millis(50);

fn on_disk(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
}

/// `{path}.lock`, which stays when the process ends; only the lock on it counts.
fn lock_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

async fn lock_beside(path: &Path) -> Result<File, StoreError> {
    let path = lock_of(path);
    let file = open_private(&path)?;
    for attempt in 1..=LOCK_ATTEMPTS {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if attempt < LOCK_ATTEMPTS => {
                tokio::time::sleep(BETWEEN_LOCK_ATTEMPTS).await;
            }
            Err(TryLockError::WouldBlock) => break,
            Err(TryLockError::Error(source)) => return Err(StoreError::File { path, source }),
        }
    }
    Err(StoreError::InUse(path))
}

/// Opens a file for writing, creating it for this user alone.
fn open_private(path: &Path) -> Result<File, StoreError> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|source| StoreError::File {
        path: path.to_owned(),
        source,
    })
}

/// An instant as the store keeps it.
fn instant(text: &str) -> Result<String, StoreError> {
    let instant = DateTime::parse_from_rfc3339(text).map_err(|_| StoreError::NotAnInstant)?;
    Ok(instant
        .with_timezone(&Utc)
        .to_rfc3339_opts(SecondsFormat::Micros, true))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_stored_is_there_after_reopening() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.sqlite");
        let store = Store::open(&path).await.unwrap();
        store
            .set_cursor("Observation", "2026-01-02T03:04:05Z")
            .await
            .unwrap();
        store.close().await;
        let store = Store::open(&path).await.unwrap();
        assert_eq!(
            store.cursor("Observation").await.unwrap().unwrap(),
            "2026-01-02T03:04:05.000000Z"
        );
    }

    #[tokio::test]
    async fn a_second_user_of_the_file_is_refused_until_the_first_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.sqlite");
        let store = Store::open(&path).await.unwrap();
        let clone = store.clone();
        drop(store);
        let error = Store::open(&path).await.unwrap_err();
        assert!(
            matches!(&error, StoreError::InUse(lock) if lock.ends_with("state.sqlite.lock")),
            "{error}"
        );
        drop(clone);
        Store::open(&path).await.unwrap();
    }

    #[tokio::test]
    async fn a_guest_works_beside_the_keeper_or_without_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.sqlite");
        let alone = Store::open_as_guest(&path).await.unwrap();
        let [from, until] = ["2026-01-02T03:04:05Z", "2026-01-02T03:14:05Z"];
        assert!(alone.lease("case-1", "7", from, until).await.unwrap());
        let keeper = Store::open(&path).await.unwrap();
        let beside = Store::open_as_guest(&path).await.unwrap();
        keeper.set_cursor("pull", from).await.unwrap();
        let seen = beside.cursor("pull").await.unwrap();
        assert_eq!(seen.as_deref(), Some("2026-01-02T03:04:05.000000Z"));

        let is_free = |store: Store| async move {
            let [from, until] = ["2026-01-02T03:05:00Z", "2026-01-02T03:15:00Z"];
            store.lease("case-1", "7", from, until).await.unwrap()
        };
        assert!(!is_free(keeper.clone()).await, "a guest is at it");
        alone.release_lease("case-1", "7").await.unwrap();
        assert!(is_free(keeper).await);
    }

    #[tokio::test]
    async fn two_who_write_at_one_moment_wait_for_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.sqlite");
        let keeper = Store::open(&path).await.unwrap();
        let guest = Store::open_as_guest(&path).await.unwrap();
        let write = |store: Store, of: &'static str| async move {
            for number in 0..10 {
                let sources = [format!("Observation/{of}-{number}")];
                store.set_sources_of_case(of, &sources).await.unwrap();
            }
        };
        tokio::join!(write(keeper.clone(), "case-1"), write(guest, "case-2"));
        for case in ["case-1", "case-2"] {
            let sources = keeper.sources_of_case(case).await.unwrap();
            assert_eq!(
                sources.into_iter().collect::<Vec<_>>(),
                [format!("Observation/{case}-9")]
            );
        }
    }

    #[tokio::test]
    async fn a_guest_of_a_keeper_of_an_earlier_release_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.sqlite");
        let keeper = Store::open(&path).await.unwrap();
        sqlx::raw_sql("PRAGMA user_version = 1")
            .execute(&keeper.pool)
            .await
            .unwrap();
        let refused = Store::open_as_guest(&path).await;
        assert!(matches!(refused, Err(StoreError::InUse(_))));
    }

    #[tokio::test]
    async fn a_file_of_a_later_release_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.sqlite");
        let store = Store::open(&path).await.unwrap();
        sqlx::raw_sql("PRAGMA user_version = 99")
            .execute(&store.pool)
            .await
            .unwrap();
        store.close().await;
        let error = Store::open(&path).await.unwrap_err();
        assert!(
            matches!(
                error,
                StoreError::Newer {
                    found: 99,
                    known: 5
                }
            ),
            "{error}"
        );
    }

    #[tokio::test]
    async fn a_file_that_is_no_database_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.txt");
        let text = "not a database, ".repeat(100);
        std::fs::write(&path, &text).unwrap();
        assert!(matches!(
            Store::open(&path).await,
            Err(StoreError::Database(_))
        ));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        let missing = folder.path().join("no/such/folder/state.sqlite");
        assert!(matches!(
            Store::open(&missing).await,
            Err(StoreError::File { .. })
        ));
    }

    #[tokio::test]
    async fn every_commit_is_on_disk_before_a_method_returns() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("state.sqlite"))
            .await
            .unwrap();
        let journal: String = sqlx::query_scalar("PRAGMA journal_mode")
            .fetch_one(&store.pool)
            .await
            .unwrap();
        let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous")
            .fetch_one(&store.pool)
            .await
            .unwrap();
        let foreign_keys: i64 = sqlx::query_scalar("PRAGMA foreign_keys")
            .fetch_one(&store.pool)
            .await
            .unwrap();
        assert_eq!((journal.as_str(), synchronous, foreign_keys), ("wal", 2, 1));
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn no_other_user_of_the_machine_can_read_the_files() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("state.sqlite"))
            .await
            .unwrap();
        store
            .set_cursor("Observation", "2026-01-02T03:04:05Z")
            .await
            .unwrap();
        let mut files = 0;
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let mode = file.unwrap().metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0);
            files += 1;
        }
        assert!(files >= 3, "the database, its WAL and the lock");
    }
}
