-- Keys that have a column of their own in `summaries`, besides being told there as JSON: a search
-- for one reads that column, where it else joins a table that holds the rows of all keys. Once there
-- are many runs the fold gives columns to the keys that many of them have, and chooses again when
-- the runs have doubled; the row without a name says of how many it chose. A metric has a number; a
-- param or tag has a text and, in another column, what this is as a number. The next fold makes all
-- summaries anew.
CREATE TABLE summary_columns (name VARCHAR, part VARCHAR, key VARCHAR, runs BIGINT);
DELETE FROM summaries;
