-- What backups and restores leave in a database.

-- name: practices
-- Every practice; whoever asks has to see them all.
select practice_id from ingest.practice order by practice_id;

-- name: end_sessions
-- Who was signed in at the backup may have been sent away since.
delete from ingest.session;

-- name: void_codes
-- A code that was open at the backup may have been used since, and codes count once.
update ingest.one_time_code set voided_at = %(at)s where used_at is null and voided_at is null;
