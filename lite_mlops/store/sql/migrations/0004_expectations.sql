-- What the next version of a dataset has to be like, as it stands by the latest decision.
CREATE TABLE expectations (
    name VARCHAR, expectations JSON, decision BIGINT, set_at TIMESTAMP, actor VARCHAR,
    reason VARCHAR
);
