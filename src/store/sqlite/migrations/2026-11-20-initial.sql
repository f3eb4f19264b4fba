-- Instants for people are ISO-8601 UTC text; leases are milliseconds of one boot of the machine.

CREATE TABLE contest (
    digest   BLOB NOT NULL PRIMARY KEY,
    settings TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE cycle (
    id                 INTEGER PRIMARY KEY,
    anchor_number      INTEGER NOT NULL,
    anchor_hash        BLOB NOT NULL,
    contest            BLOB NOT NULL REFERENCES contest (digest),
    fingerprint        TEXT NOT NULL,
    fingerprint_digest BLOB NOT NULL,
    status             TEXT NOT NULL CHECK (status IN ('pending', 'running', 'completed', 'failed')),
    sealed             INTEGER NOT NULL DEFAULT 0 CHECK (sealed IN (0, 1)),
    n_miners           INTEGER NOT NULL,
    n_environments     INTEGER NOT NULL,
    started_at         TEXT NOT NULL,
    completed_at       TEXT,
    failure            TEXT
) STRICT;

-- At most one cycle is open.
CREATE UNIQUE INDEX cycle_open ON cycle (status IN ('pending', 'running')) WHERE status IN ('pending', 'running');
CREATE INDEX cycle_anchor ON cycle (anchor_number);

-- Apart from the cycle's row, so that no query that lists cycles can show it.
CREATE TABLE cycle_secret (
    cycle  INTEGER PRIMARY KEY REFERENCES cycle (id),
    beacon BLOB NOT NULL
) STRICT;

CREATE TABLE submission (
    id          INTEGER PRIMARY KEY,
    cycle       INTEGER NOT NULL REFERENCES cycle (id),
    hotkey      BLOB NOT NULL,
    uid         INTEGER NOT NULL,
    claim_block INTEGER,
    repo        TEXT,
    revision    TEXT,
    deployment  TEXT,
    endpoint    TEXT,
    admitted    INTEGER NOT NULL CHECK (admitted IN (0, 1)),
    reasons     TEXT NOT NULL,
    probe       INTEGER NOT NULL DEFAULT 0 CHECK (probe IN (0, 1)),
    UNIQUE (cycle, hotkey)
) STRICT;

CREATE TABLE task (
    position      INTEGER PRIMARY KEY,
    id            BLOB NOT NULL UNIQUE,
    cycle         INTEGER NOT NULL REFERENCES cycle (id),
    submission    INTEGER NOT NULL REFERENCES submission (id),
    kind          TEXT NOT NULL,
    environment   TEXT NOT NULL,
    episode       INTEGER NOT NULL,
    seed          BLOB NOT NULL,
    state         TEXT NOT NULL CHECK (state IN ('pending', 'leased', 'completed', 'failed', 'left_out')),
    attempts      INTEGER NOT NULL DEFAULT 0,
    failures      INTEGER NOT NULL DEFAULT 0,
    losses        INTEGER NOT NULL DEFAULT 0,
    executor      TEXT,
    lease_boot    TEXT,
    lease_end_ms  INTEGER,
    created_at    TEXT NOT NULL,
    finished_at   TEXT,
    outcome       TEXT CHECK (outcome IN ('success', 'failure', 'faulted')),
    fault         TEXT,
    transcript    BLOB,
    replay_root   BLOB,
    steps         INTEGER,
    success_step  INTEGER,
    total_reward  REAL,
    note          TEXT,
    CHECK ((state = 'leased') = (executor IS NOT NULL)),
    CHECK (state NOT IN ('completed', 'failed') OR (transcript IS NOT NULL AND outcome IS NOT NULL))
) STRICT;

CREATE INDEX task_pending ON task (cycle, position) WHERE state = 'pending';
CREATE INDEX task_leased ON task (executor, position) WHERE state = 'leased';
CREATE INDEX task_submission ON task (submission);
CREATE INDEX task_cycle ON task (cycle, state);
CREATE UNIQUE INDEX task_transcript ON task (transcript) WHERE transcript IS NOT NULL;

-- One row per lease, so that a result is taken at most once and a repeated one is answered the same way.
CREATE TABLE attempt (
    task       INTEGER NOT NULL REFERENCES task (position),
    attempt    INTEGER NOT NULL,
    executor   TEXT NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('leased', 'finished', 'faulted', 'expired', 'released')),
    leased_at  TEXT NOT NULL,
    ended_at   TEXT,
    transcript BLOB,
    fault      TEXT,
    PRIMARY KEY (task, attempt)
) STRICT, WITHOUT ROWID;

CREATE TABLE publication (
    cycle        INTEGER PRIMARY KEY REFERENCES cycle (id),
    digest       BLOB NOT NULL UNIQUE,
    previous     BLOB NOT NULL UNIQUE,
    manifest     BLOB NOT NULL,
    no_weights   TEXT,
    published_at TEXT NOT NULL
) STRICT;

CREATE TABLE score (
    cycle        INTEGER NOT NULL REFERENCES cycle (id),
    uid          INTEGER NOT NULL,
    hotkey       BLOB NOT NULL,
    environment  TEXT NOT NULL,
    success_rate REAL NOT NULL,
    rate_low     REAL NOT NULL,
    rate_high    REAL NOT NULL,
    mean_reward  REAL NOT NULL,
    counted      INTEGER NOT NULL,
    failed       INTEGER NOT NULL,
    left_out     INTEGER NOT NULL,
    PRIMARY KEY (cycle, uid, environment)
) STRICT, WITHOUT ROWID;

CREATE INDEX score_hotkey ON score (hotkey, cycle);
CREATE INDEX score_environment ON score (environment);

CREATE TABLE weight (
    cycle      INTEGER NOT NULL REFERENCES cycle (id),
    uid        INTEGER NOT NULL,
    hotkey     BLOB NOT NULL,
    points     TEXT NOT NULL,
    weight     REAL NOT NULL,
    weight_u16 INTEGER NOT NULL,
    PRIMARY KEY (cycle, uid)
) STRICT, WITHOUT ROWID;

CREATE TABLE api_key (
    id         INTEGER PRIMARY KEY,
    executor   TEXT NOT NULL,
    digest     BLOB NOT NULL UNIQUE,
    role       TEXT NOT NULL,
    created_at TEXT NOT NULL,
    expires_at TEXT,
    revoked_at TEXT
) STRICT;
