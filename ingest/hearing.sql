-- Statements about whether this service hears its broker.

-- name: note
-- Some worker is connected. A break that was longer than allowed begins the time anew.
update ingest.hearing
set since_at = case when until_at >= %(unbroken_since)s then since_at else %(at)s end, until_at = %(at)s
where until_at is null or until_at < %(at)s;

-- name: span
-- Since when and until when it hears, if ever.
select since_at, until_at from ingest.hearing where since_at is not null;
