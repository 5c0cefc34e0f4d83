-- The first schema. No keys and no indexes: uniqueness is decided under the project's lock, and an
-- index would cost three times the space of the points without making one query faster.

CREATE TABLE meta (key VARCHAR, value VARCHAR);

-- How far each journal file has been folded.
CREATE TABLE journals (
    name VARCHAR, writer VARCHAR, pid BIGINT, host VARCHAR, program VARCHAR,
    pos BIGINT, lines BIGINT, n BIGINT, checksum VARCHAR, closed BOOLEAN
);

-- What could not be read or accepted, one row a place; listed, never thrown.
CREATE TABLE problems (ts TIMESTAMP, kind VARCHAR, subject VARCHAR, line BIGINT, detail VARCHAR);

-- Events of kinds that a newer version wrote; kept until a version that knows them folds them.
CREATE TABLE unknown_events (kind VARCHAR, line VARCHAR);

-- Every name that an experiment ever had leads to its present one.
CREATE TABLE experiments (name VARCHAR, leads_to VARCHAR, created_at TIMESTAMP);

CREATE TABLE runs (
    run_id VARCHAR, experiment VARCHAR, name VARCHAR, actor VARCHAR, parent_id VARCHAR,
    started_at TIMESTAMP, source JSON,
    status VARCHAR, status_at TIMESTAMP, ended_at TIMESTAMP, writer VARCHAR, writer_at TIMESTAMP,
    note VARCHAR, note_at TIMESTAMP, deleted BOOLEAN, deleted_by BIGINT
);

CREATE TABLE params (run_id VARCHAR, key VARCHAR, value VARCHAR, number DOUBLE, ts TIMESTAMP);

CREATE TABLE metrics (run_id VARCHAR, key VARCHAR, step BIGINT, time TIMESTAMP, value DOUBLE);

-- The summary of each metric of each run, kept up to date by every fold.
CREATE TABLE latest (
    run_id VARCHAR, key VARCHAR, step BIGINT, time TIMESTAMP, value DOUBLE,
    low DOUBLE, high DOUBLE, points BIGINT, logged_at TIMESTAMP
);

CREATE TABLE tags (run_id VARCHAR, key VARCHAR, value VARCHAR, ts TIMESTAMP);

CREATE TABLE artifacts (
    run_id VARCHAR, path VARCHAR, sha256 VARCHAR, size BIGINT, media VARCHAR, ts TIMESTAMP
);

CREATE TABLE datasets (
    name VARCHAR, sha256 VARCHAR, row_count BIGINT, column_count BIGINT, profile JSON, ts TIMESTAMP
);

CREATE TABLE dataset_uses (
    run_id VARCHAR, name VARCHAR, sha256 VARCHAR, role VARCHAR, ts TIMESTAMP
);

CREATE TABLE model_versions (
    model VARCHAR, version BIGINT, sha256 VARCHAR, size BIGINT, media VARCHAR, run_id VARCHAR,
    signature JSON, requirements JSON, created_at TIMESTAMP, actor VARCHAR, reason VARCHAR
);

CREATE TABLE aliases (
    model VARCHAR, alias VARCHAR, version BIGINT, decision BIGINT, moved_at TIMESTAMP,
    actor VARCHAR, reason VARCHAR
);

CREATE TABLE predictions (
    prediction_id VARCHAR, model VARCHAR, version BIGINT, ts TIMESTAMP, numbers DOUBLE[],
    value VARCHAR, scores DOUBLE[], latency_us BIGINT
);

CREATE TABLE feedback (prediction_id VARCHAR, label VARCHAR, ts TIMESTAMP);

-- Runs that were purged: what is still folded of them later is left out.
CREATE TABLE purged (run_id VARCHAR);

-- The audit log: every decision, each chained to the one before by SHA-256.
CREATE TABLE decisions (
    number BIGINT, ts TIMESTAMP, actor VARCHAR, kind VARCHAR, record VARCHAR, hash VARCHAR
);
