//! The tables, step by step.

/// The steps from an empty file to the present schema. Each ends by setting the version it leads to.
/// A step that was released is never changed; new ones follow it.
pub(super) const MIGRATIONS: [&str; 5] = [
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
    "
    CREATE TABLE published_answer (
        case_id TEXT PRIMARY KEY,
        fingerprint TEXT NOT NULL,
        content TEXT NOT NULL,
        rules TEXT NOT NULL,
        inputs TEXT NOT NULL,
        read_until TEXT NOT NULL,
        status TEXT NOT NULL,
        category TEXT NOT NULL,
        next_action TEXT NOT NULL,
        altered_under TEXT
    );
    CREATE TABLE confirmed_rules (
        number INTEGER PRIMARY KEY,
        rules TEXT NOT NULL,
        confirmed_at TEXT NOT NULL
    );
    CREATE TABLE shadow_result (
        number INTEGER PRIMARY KEY,
        case_id TEXT NOT NULL,
        subject TEXT,
        fingerprint TEXT NOT NULL,
        edition TEXT NOT NULL,
        status TEXT NOT NULL,
        category TEXT NOT NULL,
        reported TEXT NOT NULL,
        in_force INTEGER NOT NULL,
        is_view INTEGER NOT NULL,
        observation TEXT,
        judged_at TEXT NOT NULL
    );
    CREATE INDEX shadow_result_by_case ON shadow_result (case_id);
    CREATE TABLE shadow_open (
        case_id TEXT PRIMARY KEY
    );
    CREATE TABLE shadow_unreadable (
        content TEXT PRIMARY KEY,
        place TEXT NOT NULL,
        why TEXT NOT NULL
    );
    ALTER TABLE pass ADD COLUMN shadow INTEGER NOT NULL DEFAULT 0;
    PRAGMA user_version = 4;
",
    "
    ALTER TABLE published_case ADD COLUMN judged TEXT NOT NULL DEFAULT '';
    UPDATE published_case SET judged = fingerprint;
    CREATE TABLE watched (
        case_id TEXT NOT NULL,
        source TEXT NOT NULL,
        PRIMARY KEY (case_id, source)
    );
    CREATE INDEX watched_by_source ON watched (source);
    CREATE TABLE looked_at (
        source TEXT PRIMARY KEY,
        version TEXT,
        at TEXT NOT NULL
    );
    CREATE INDEX looked_at_by_time ON looked_at (at);
    CREATE TABLE due_case (
        case_id TEXT PRIMARY KEY,
        due TEXT NOT NULL
    );
    CREATE INDEX published_case_by_subject ON published_case (subject);
    CREATE TABLE announcement (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        case_id TEXT NOT NULL,
        body TEXT NOT NULL,
        noted_at TEXT NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        due TEXT NOT NULL,
        state TEXT NOT NULL,
        ended_at TEXT
    );
    CREATE INDEX announcement_by_state ON announcement (state, due);
    CREATE TABLE audit_outbox (
        number INTEGER PRIMARY KEY,
        noted TEXT NOT NULL,
        refused INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX audit_outbox_by_turn ON audit_outbox (refused, number);
    PRAGMA user_version = 5;
",
];
