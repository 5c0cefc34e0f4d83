-- What servers were asked, a line for each minute in which something was; `detail` has how long
-- requests took and waited. `names` are the references that the server answers for.
CREATE TABLE served_requests (
    names VARCHAR[], since TIMESTAMP, until TIMESTAMP, requests BIGINT, refused BIGINT,
    failed BIGINT, overloaded BIGINT, detail JSON
);
