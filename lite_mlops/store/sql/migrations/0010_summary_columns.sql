-- Keys that have a column of their own in `summaries`, besides being told there as JSON: a search
-- for one reads that column, where it else joins a table that holds the rows of all keys. Once there
-- are many runs the fold gives columns to the keys that many of them have, and chooses again when
-- the runs have doubled. A metric has a number; a param or tag has a text and, in another column,
-- what this is as a number. The row without a name says of how many runs it chose; while there is
-- none, the next fold makes all summaries anew.
CREATE TABLE summary_columns (name VARCHAR, part VARCHAR, key VARCHAR, runs BIGINT);
INSERT INTO summary_columns (runs) SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM runs);
