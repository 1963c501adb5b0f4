-- One text for SQLite and PostgreSQL: TEXT and BIGINT only.

-- +goose Up
CREATE TABLE rollouts (
    id       TEXT   NOT NULL PRIMARY KEY,
    service  TEXT   NOT NULL,
    active   BIGINT NOT NULL CHECK (active IN (0, 1)),
    position BIGINT NOT NULL UNIQUE, -- the log entry that created it; newest is highest
    events   BIGINT NOT NULL,
    body     TEXT   NOT NULL         -- JSON, the fold of its events
);
CREATE UNIQUE INDEX rollouts_active ON rollouts (service) WHERE active = 1;
CREATE INDEX rollouts_service ON rollouts (service, position);

CREATE TABLE events (
    id      BIGINT NOT NULL PRIMARY KEY, -- place in the log of all rollouts, without gaps
    rollout TEXT   NOT NULL,
    seq     BIGINT NOT NULL,             -- place in the rollout's history, without gaps
    body    TEXT   NOT NULL,             -- JSON, as hashed
    hash    TEXT   NOT NULL,
    UNIQUE (rollout, seq)
);

-- The end of the chain, so that a cut tail is noticed.
CREATE TABLE head (
    one  BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
    id   BIGINT NOT NULL,
    hash TEXT   NOT NULL
);

CREATE TABLE commands (
    id       TEXT   NOT NULL PRIMARY KEY,
    position BIGINT NOT NULL UNIQUE,
    body     TEXT   NOT NULL,
    result   TEXT
);
CREATE INDEX commands_pending ON commands (position) WHERE result IS NULL;

CREATE TABLE services (
    name     TEXT NOT NULL PRIMARY KEY,
    baseline TEXT NOT NULL,
    rollout  TEXT NOT NULL -- that promoted it
);

CREATE TABLE judges (
    rollout TEXT NOT NULL PRIMARY KEY,
    state   TEXT NOT NULL
);
