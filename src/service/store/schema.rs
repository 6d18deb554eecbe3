//! The tables, step by step.

/// The steps from an empty file to the present schema. Each ends by setting the version it leads to.
/// A step that was released is never changed; new ones follow it.
pub(super) const MIGRATIONS: [&str; 2] = [
    "
    CREATE TABLE feed (
        name TEXT PRIMARY KEY,
        reached TEXT NOT NULL
    );
    CREATE TABLE published_case (
        case_id TEXT PRIMARY KEY,
        observation_id TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        etag TEXT,
        status TEXT NOT NULL,
        subject TEXT
    );
    CREATE TABLE published_task (
        case_id TEXT NOT NULL REFERENCES published_case (case_id),
        place INTEGER NOT NULL,
        task_id TEXT NOT NULL,
        PRIMARY KEY (case_id, place)
    );
    CREATE TABLE case_source (
        case_id TEXT NOT NULL,
        source TEXT NOT NULL,
        PRIMARY KEY (case_id, source)
    );
    CREATE INDEX case_source_by_source ON case_source (source);
    CREATE TABLE intent (
        case_id TEXT PRIMARY KEY,
        fingerprint TEXT NOT NULL,
        bundle_digest TEXT NOT NULL,
        recorded_at TEXT NOT NULL
    );
    CREATE TABLE pass (
        id INTEGER PRIMARY KEY,
        started TEXT NOT NULL,
        finished TEXT NOT NULL,
        seen INTEGER NOT NULL,
        written INTEGER NOT NULL,
        unchanged INTEGER NOT NULL,
        not_her2 INTEGER NOT NULL,
        no_result INTEGER NOT NULL,
        review INTEGER NOT NULL,
        retry INTEGER NOT NULL,
        failed INTEGER NOT NULL
    );
    CREATE TABLE parked (
        unit TEXT PRIMARY KEY,
        why TEXT NOT NULL,
        since TEXT NOT NULL
    );
    PRAGMA user_version = 1;
",
    "
    CREATE TABLE unmapped (
        kind TEXT NOT NULL,
        system TEXT NOT NULL,
        code TEXT NOT NULL,
        display TEXT,
        first_seen TEXT NOT NULL,
        last_seen TEXT NOT NULL,
        PRIMARY KEY (kind, system, code)
    );
    CREATE TABLE unmapped_source (
        kind TEXT NOT NULL,
        system TEXT NOT NULL,
        code TEXT NOT NULL,
        source TEXT NOT NULL,
        version TEXT NOT NULL,
        PRIMARY KEY (kind, system, code, source),
        FOREIGN KEY (kind, system, code) REFERENCES unmapped (kind, system, code)
    );
    CREATE INDEX unmapped_source_by_source ON unmapped_source (source);
    PRAGMA user_version = 2;
",
];
