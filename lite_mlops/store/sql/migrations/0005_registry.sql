-- What a version is and where it comes from, as it stood when it was registered.
ALTER TABLE model_versions ADD COLUMN format VARCHAR;
ALTER TABLE model_versions ADD COLUMN class_name VARCHAR;
ALTER TABLE model_versions ADD COLUMN example VARCHAR;
ALTER TABLE model_versions ADD COLUMN members JSON;
ALTER TABLE model_versions ADD COLUMN params JSON;
ALTER TABLE model_versions ADD COLUMN metrics JSON;
ALTER TABLE model_versions ADD COLUMN data JSON;
ALTER TABLE model_versions ADD COLUMN code JSON;
ALTER TABLE model_versions ADD COLUMN trusted VARCHAR[];
ALTER TABLE model_versions ADD COLUMN compression VARCHAR;
UPDATE model_versions SET format = 'joblib';

-- Tags of versions; version 0 stands for the model as a whole.
CREATE TABLE version_tags (
    model VARCHAR, version BIGINT, key VARCHAR, value VARCHAR, decision BIGINT
);

-- Whether a version is put away, by the latest decision.
CREATE TABLE version_removals (
    model VARCHAR, version BIGINT, removed BOOLEAN, decision BIGINT, decided_at TIMESTAMP
);

-- What the file of a version may import beyond the shipped list, confirmed after registration.
CREATE TABLE version_trust (model VARCHAR, version BIGINT, name VARCHAR, decision BIGINT);

CREATE TABLE version_seals (
    model VARCHAR, version BIGINT, public VARCHAR, seal VARCHAR, decision BIGINT,
    signed_at TIMESTAMP, actor VARCHAR
);

-- Which process answers with which version; it is over when the writer's journal is closed.
CREATE TABLE servings (model VARCHAR, version BIGINT, writer VARCHAR, since TIMESTAMP);

-- Features that are no numbers stand here, at the same places.
ALTER TABLE predictions ADD COLUMN texts VARCHAR[];
