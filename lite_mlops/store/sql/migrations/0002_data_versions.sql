-- What a version is (table, file, folder), where it was last seen, and the copies that are kept.
ALTER TABLE datasets ADD COLUMN form VARCHAR;
ALTER TABLE datasets ADD COLUMN size BIGINT;
ALTER TABLE datasets ADD COLUMN source JSON;
ALTER TABLE datasets ADD COLUMN last_at TIMESTAMP;
UPDATE datasets SET form = 'table', last_at = ts;

-- A copy of a version in the object store; `manifest` is the object that lists its chunks.
CREATE TABLE dataset_snapshots (
    name VARCHAR, sha256 VARCHAR, manifest VARCHAR, size BIGINT, ts TIMESTAMP
);
