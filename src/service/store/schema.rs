//! The tables, step by step.

/// The steps from an empty file to the present schema. Each ends by setting the version it leads to.
/// A step that was released is never changed; new ones follow it.
pub(super) const MIGRATIONS: [&str; 3] = [
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
    "
    DROP TABLE intent;
    CREATE TABLE intent (
        case_id TEXT NOT NULL,
        server TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        entries TEXT NOT NULL,
        recorded_at TEXT NOT NULL,
        PRIMARY KEY (case_id, server)
    );
    CREATE TABLE written_version (
        number INTEGER PRIMARY KEY,
        case_id TEXT NOT NULL,
        server TEXT NOT NULL,
        kind TEXT NOT NULL,
        own_id TEXT NOT NULL,
        version TEXT,
        fingerprint TEXT NOT NULL,
        text TEXT NOT NULL,
        written_at TEXT NOT NULL
    );
    CREATE INDEX written_version_by_case ON written_version (case_id);
    CREATE TABLE address (
        server TEXT NOT NULL,
        kind TEXT NOT NULL,
        own_id TEXT NOT NULL,
        server_id TEXT NOT NULL,
        PRIMARY KEY (server, kind, own_id)
    );
    CREATE TABLE lease (
        case_id TEXT PRIMARY KEY,
        holder TEXT NOT NULL,
        until TEXT NOT NULL
    );
    CREATE TABLE tried_server (
        server TEXT PRIMARY KEY,
        software TEXT NOT NULL,
        dialect TEXT NOT NULL,
        tried_at TEXT NOT NULL
    );
    CREATE TABLE source_version (
        source TEXT PRIMARY KEY,
        version TEXT NOT NULL,
        last_updated TEXT NOT NULL
    );
    ALTER TABLE parked ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE parked ADD COLUMN due TEXT NOT NULL DEFAULT '';
    PRAGMA user_version = 3;
",
];
