-- What steps of pipelines came to: `key` is the hash of all that a step depended on, `detail` tells
-- it in its parts, and `outputs` names the objects that hold what it made.
CREATE TABLE step_results (
    pipeline VARCHAR, step VARCHAR, key VARCHAR, ts TIMESTAMP, run_id VARCHAR, outputs JSON,
    detail JSON, seconds DOUBLE
);
