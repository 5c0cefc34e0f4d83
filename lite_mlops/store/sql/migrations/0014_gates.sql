-- Gates that were defined in code, by the latest decision; those of the settings file are not here.
CREATE TABLE gates (
    gate VARCHAR, definition JSON, decision BIGINT, decided_at TIMESTAMP, actor VARCHAR,
    reason VARCHAR
);

-- What gates said of versions that were to get an alias, with the evidence. `digest` is the hash of
-- the gate's definition, `baseline` the version that the alias pointed to then.
CREATE TABLE gate_verdicts (
    decision BIGINT, judged_at TIMESTAMP, gate VARCHAR, model VARCHAR, version BIGINT,
    alias VARCHAR, baseline BIGINT, digest VARCHAR, data_name VARCHAR, data_sha256 VARCHAR,
    row_count BIGINT, seed BIGINT, outcome VARCHAR, report JSON, actor VARCHAR, reason VARCHAR
);

-- Who approved which version for which alias, on what evidence.
CREATE TABLE approvals (
    decision BIGINT, approved_at TIMESTAMP, model VARCHAR, version BIGINT, alias VARCHAR,
    baseline BIGINT, digest VARCHAR, data_sha256 VARCHAR, actor VARCHAR, reason VARCHAR
);

-- Moves of aliases past their gates: `why` is what the gate had against it.
CREATE TABLE gate_overrides (
    decision BIGINT, overridden_at TIMESTAMP, gate VARCHAR, model VARCHAR, version BIGINT,
    alias VARCHAR, why VARCHAR, actor VARCHAR, reason VARCHAR
);
