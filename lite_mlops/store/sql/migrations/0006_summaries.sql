-- A run that is over as a page of runs shows it, in one row, so that a page is read from one table
-- instead of four, and as little of that as its runs lie apart. Params, latest metrics ([step, time,
-- value, low, high, points]) and tags are the members of a JSON object each. Every fold makes the
-- rows of the runs anew of which it brought something: rows are taken away and added, never changed,
-- as only that leaves all others where they are. The next fold fills it.
CREATE TABLE summaries (
    run_hash UBIGINT, run_id VARCHAR, name VARCHAR, experiment VARCHAR, status VARCHAR,
    actor VARCHAR, started_at TIMESTAMP, ended_at TIMESTAMP, parent_id VARCHAR, note VARCHAR,
    deleted BOOLEAN, params VARCHAR, metrics VARCHAR, tags VARCHAR
);
