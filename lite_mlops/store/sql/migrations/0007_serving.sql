-- A process may leave a version for another one while it goes on; that is a row without `since`.
ALTER TABLE servings ADD COLUMN until TIMESTAMP;

-- Tokens, of which only a hash is kept; it is null once the token was revoked.
CREATE TABLE tokens (
    name VARCHAR, hash VARCHAR, decision BIGINT, made_at TIMESTAMP, actor VARCHAR,
    expires_at TIMESTAMP
);
