-- name: announce
-- While this connection lives, its worker counts as there. The first number is arbitrary and only has to stay the same.
select pg_try_advisory_lock(1211642, pg_backend_pid());

-- name: count_workers
-- How many workers are there.
select count(*) from pg_locks
where locktype = 'advisory' and classid = 1211642 and objsubid = 2 and granted
  and database = (select oid from pg_database where datname = current_database());

-- name: take_session
-- Whether nobody else works for the session; from then on this connection does, until it ends or gives it back.
select pg_try_advisory_lock(1211643, %(number)s);

-- name: give_session_back
-- Somebody else may work for it.
select pg_advisory_unlock(1211643, %(number)s);
