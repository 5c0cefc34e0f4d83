-- name: tokens
-- The tokens that were not revoked, by name.
SELECT name, hash, made_at, actor, expires_at FROM tokens WHERE hash IS NOT NULL ORDER BY name;
