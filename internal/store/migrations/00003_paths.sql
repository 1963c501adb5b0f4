-- What people look at and a restart need not cost. Nothing is decided by it.

-- +goose Up
CREATE TABLE paths (
    rollout TEXT NOT NULL PRIMARY KEY,
    path    TEXT NOT NULL -- JSON, how its evidence grew
);

CREATE TABLE watches (
    service TEXT NOT NULL PRIMARY KEY,
    state   TEXT NOT NULL
);
