-- Monitors that were set in code; the row stays, without a definition, when one is taken away.
CREATE TABLE monitors (
    name VARCHAR, definition JSON, decision BIGINT, decided_at TIMESTAMP, actor VARCHAR,
    reason VARCHAR
);

-- What monitors looked at, and what they found; `evidence` shows it.
CREATE TABLE monitor_runs (
    look VARCHAR, monitor VARCHAR, model VARCHAR, version BIGINT, since TIMESTAMP,
    until TIMESTAMP, rows BIGINT, took_us BIGINT, how VARCHAR, ran_at TIMESTAMP
);
CREATE TABLE monitor_findings (
    look VARCHAR, checked VARCHAR, subject VARCHAR, severity VARCHAR, sentence VARCHAR,
    value DOUBLE, bound DOUBLE, evidence JSON
);

-- What fires, by the latest decision, and how each came to be so. A line with a notice is to be
-- told to its channels.
CREATE TABLE incidents (
    incident VARCHAR, monitor VARCHAR, checked VARCHAR, subject VARCHAR, state VARCHAR,
    severity VARCHAR, sentence VARCHAR, look VARCHAR, opened_at TIMESTAMP, decision BIGINT,
    decided_at TIMESTAMP
);
CREATE TABLE incident_story (
    incident VARCHAR, decision BIGINT, ts TIMESTAMP, how VARCHAR, state VARCHAR, severity VARCHAR,
    sentence VARCHAR, look VARCHAR, notice VARCHAR, channels VARCHAR[], actor VARCHAR,
    reason VARCHAR
);

-- Of what nobody is told for the time being; '' stands for any check and any subject.
CREATE TABLE silences (
    monitor VARCHAR, checked VARCHAR, subject VARCHAR, expires_at TIMESTAMP, decision BIGINT,
    decided_at TIMESTAMP, actor VARCHAR, reason VARCHAR
);

-- Each attempt to tell a channel: that it began, and how it ended.
CREATE TABLE alert_deliveries (
    notice VARCHAR, channel VARCHAR, state VARCHAR, attempt BIGINT, ts TIMESTAMP, detail JSON
);
