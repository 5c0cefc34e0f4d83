-- What reports on a served model ask beyond what its parts do.

-- name: prediction_span
-- When the first and the last answers of a version in a time were given, and how many there are;
-- of the last so many, if that is given.
SELECT count(*) AS predictions, min(ts) AS first_at, max(ts) AS last_at
FROM (
    SELECT ts FROM predictions
    WHERE model = $model AND version = $version
      AND ($since IS NULL OR ts >= $since) AND ($until IS NULL OR ts < $until)
    QUALIFY $last IS NULL OR row_number() OVER (ORDER BY ts DESC) <= $last
);
