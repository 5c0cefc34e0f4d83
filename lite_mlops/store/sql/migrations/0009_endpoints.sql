-- What is tried beside the version of an endpoint, by the latest decision: a canary, which gets a
-- share of the requests, and shadows, which are asked the same and whose answers are only compared.
CREATE TABLE endpoint_trials (
    reference VARCHAR, canary BIGINT, share DOUBLE, key VARCHAR, trial VARCHAR, shadows JSON,
    state VARCHAR, how VARCHAR, decision BIGINT, decided_at TIMESTAMP, actor VARCHAR,
    reason VARCHAR
);

-- What happened to endpoints, and what was decided about them.
CREATE TABLE endpoint_story (
    ts TIMESTAMP, reference VARCHAR, what VARCHAR, version BIGINT, writer VARCHAR, actor VARCHAR,
    reason VARCHAR, detail JSON
);

-- What each process counted of each version of a trial, as it told last.
CREATE TABLE endpoint_evidence (
    reference VARCHAR, trial VARCHAR, writer VARCHAR, role VARCHAR, version VARCHAR,
    requests BIGINT, failed BIGINT, slow BIGINT, doubtful BIGINT, detail JSON, seen_at TIMESTAMP
);
