-- Statements of sessions. The table only ever sees the hash of the cookie's token.

-- name: one_sign_in_at_a_time
-- Until the end of the transaction nobody else opens a session of this account, so that the count of them holds.
select pg_advisory_xact_lock(hashtextextended(%(account_id)s::text, 0));

-- name: open_session
-- Of an account that exists and is not disabled; otherwise none is opened.
insert into ingest.session
    (token_sha256, practice_id, staff_id, person_id, created_at, last_seen_at, signed_in_by, proved_at)
select %(token_sha256)s, %(practice_id)s, %(staff_id)s, %(person_id)s, %(at)s, %(at)s, %(signed_in_by)s, %(at)s
where exists (select from ingest.staff f
              where f.practice_id = %(practice_id)s and f.staff_id = %(staff_id)s and f.disabled_at is null)
   or exists (select from ingest.home_person h
              where h.practice_id = %(practice_id)s and h.person_id = %(person_id)s and h.disabled_at is null)
returning token_sha256;

-- name: end_oldest_sessions
-- All of an account's sessions but the newest.
delete from ingest.session
where token_sha256 in (
    select token_sha256 from ingest.session
    where practice_id = %(practice_id)s
      and (staff_id = %(staff_id)s or person_id = %(person_id)s)
    order by created_at desc, token_sha256
    offset %(kept)s)
returning token_sha256;

-- name: use_session
-- A living session of an account that is not disabled; being used keeps it alive. Name and role are those of now.
update ingest.session s
set last_seen_at = greatest(s.last_seen_at, %(at)s)
from ingest.session same
left join ingest.staff f
    on f.practice_id = same.practice_id and f.staff_id = same.staff_id and f.disabled_at is null
left join ingest.home_person h
    on h.practice_id = same.practice_id and h.person_id = same.person_id and h.disabled_at is null
where s.token_sha256 = %(token_sha256)s and same.token_sha256 = s.token_sha256
  and (f.staff_id is not null
       and s.last_seen_at > %(staff_idle_since)s and s.created_at > %(staff_created_since)s
    or h.person_id is not null
       and s.last_seen_at > %(home_idle_since)s and s.created_at > %(home_created_since)s)
returning s.practice_id, coalesce(f.role, h.role) as role, coalesce(f.display_name, h.display_name) as display_name,
          f.staff_id, h.person_id, h.patient_id, s.signed_in_by, coalesce(s.proved_at, s.created_at) as proved_at;

-- name: look_at_session
-- The same question without keeping the session alive.
select s.practice_id, coalesce(f.role, h.role) as role, coalesce(f.display_name, h.display_name) as display_name,
       f.staff_id, h.person_id, h.patient_id, s.signed_in_by, coalesce(s.proved_at, s.created_at) as proved_at
from ingest.session s
left join ingest.staff f
    on f.practice_id = s.practice_id and f.staff_id = s.staff_id and f.disabled_at is null
left join ingest.home_person h
    on h.practice_id = s.practice_id and h.person_id = s.person_id and h.disabled_at is null
where s.token_sha256 = %(token_sha256)s
  and (f.staff_id is not null
       and s.last_seen_at > %(staff_idle_since)s and s.created_at > %(staff_created_since)s
    or h.person_id is not null
       and s.last_seen_at > %(home_idle_since)s and s.created_at > %(home_created_since)s);

-- name: prove_again
-- The person of a session said again who they are: it goes on under a new token. Its age stays, so it ends when it would.
update ingest.session
set token_sha256 = %(new_token_sha256)s, signed_in_by = %(signed_in_by)s, proved_at = %(at)s, last_seen_at = %(at)s
where token_sha256 = %(token_sha256)s and practice_id = %(practice_id)s and staff_id = %(staff_id)s
returning token_sha256;

-- name: close_session
-- Signing out.
delete from ingest.session where token_sha256 = %(token_sha256)s;

-- name: end_sessions
-- All sessions of one person, but for the one that they are at (null for none).
delete from ingest.session
where practice_id = %(practice_id)s
  and (staff_id = %(staff_id)s or person_id = %(person_id)s)
  and token_sha256 is distinct from %(kept_sha256)s
returning token_sha256;

-- name: delete_ended_sessions
-- Sessions that can never be used again.
delete from ingest.session
where staff_id is not null and (last_seen_at <= %(staff_idle_since)s or created_at <= %(staff_created_since)s)
   or person_id is not null and (last_seen_at <= %(home_idle_since)s or created_at <= %(home_created_since)s);
