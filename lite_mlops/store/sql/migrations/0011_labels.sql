-- Labels say when they were known, where that was told, and keep their place among those that were
-- told together; of several of one prediction the last one stands in `feedback`, and the others are
-- kept here.
ALTER TABLE feedback ADD COLUMN known_at TIMESTAMP;
ALTER TABLE feedback ADD COLUMN place BIGINT;
CREATE TABLE earlier_labels (
    prediction_id VARCHAR, label VARCHAR, ts TIMESTAMP, known_at TIMESTAMP, place BIGINT
);
