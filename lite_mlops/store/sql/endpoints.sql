-- name: endpoint_trials
-- What is tried at endpoints, as it was decided last; a null parameter does not filter.
SELECT * FROM endpoint_trials WHERE $reference IS NULL OR reference = $reference
ORDER BY reference;

-- name: endpoint_references
-- The endpoints of which anything is known.
SELECT reference FROM endpoint_trials UNION SELECT reference FROM endpoint_story ORDER BY reference;

-- name: endpoint_evidence
-- What processes counted in the trials of an endpoint.
SELECT trial, writer, role, version, requests, failed, slow, doubtful, detail, seen_at
FROM endpoint_evidence
WHERE reference = $reference AND trial IN (SELECT unnest($trials::VARCHAR[]))
ORDER BY role, version, seen_at;

-- name: endpoint_story
-- What happened to an endpoint, the latest first.
SELECT ts, what, version, s.writer, j.pid, actor, reason, detail
FROM endpoint_story s
LEFT JOIN (SELECT writer, any_value(pid) AS pid FROM journals GROUP BY writer) j
    ON j.writer = s.writer
WHERE reference = $reference ORDER BY ts DESC, what LIMIT $rows;

-- name: endpoint_processes
-- The processes that said that they answer for an endpoint, and are still there.
SELECT s.reference, j.pid, j.host, j.program, max(s.ts) AS since,
       arg_max(s.version, s.ts) AS version, arg_max(s.detail, s.ts) AS detail
FROM endpoint_story s
JOIN (SELECT writer, any_value(pid) AS pid, any_value(host) AS host,
             any_value(program) AS program
      FROM journals WHERE NOT closed GROUP BY writer) j ON j.writer = s.writer
WHERE s.what = 'started' AND ($reference IS NULL OR s.reference = $reference)
  AND NOT EXISTS (FROM endpoint_story AS later
                  WHERE later.reference = s.reference AND later.writer = s.writer
                    AND later.what = 'stopped' AND later.ts >= s.ts)
GROUP BY s.reference, s.writer, j.pid, j.host, j.program ORDER BY s.reference, j.pid;
