-- What people look at of a rollout beside its evidence. Nothing is decided by it.

-- +goose Up
CREATE TABLE courses (
    rollout TEXT NOT NULL PRIMARY KEY,
    state   TEXT NOT NULL -- JSON, a course.Recorder's
);
