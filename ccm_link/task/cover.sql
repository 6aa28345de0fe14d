-- Statements about who stands in for whom. Role: homevitals_console.

-- name: arrange
-- Of two that overlap for one person the later is refused by the constraint one_cover_at_a_time.
insert into ccm.staff_cover (practice_id, staff_id, covered_by, starts_at, ends_at, made_by, made_at)
values (%(practice_id)s, %(staff_id)s, %(covered_by)s, %(starts_at)s, %(ends_at)s, %(made_by)s, %(at)s)
returning cover_id;

-- name: call_off
-- Once, and only one that is not over.
update ccm.staff_cover set called_off_at = %(at)s, called_off_by = %(staff_id)s
where practice_id = %(practice_id)s and cover_id = %(cover_id)s and called_off_at is null and ends_at > %(at)s
returning cover_id;

-- name: load_to_come
-- What holds or is to come, the next first.
select cover.cover_id, cover.staff_id, away.display_name as staff_name, cover.covered_by,
       colleague.display_name as covered_by_name, cover.starts_at, cover.ends_at
from ccm.staff_cover cover
join ingest.staff away using (practice_id, staff_id)
join ingest.staff colleague on colleague.practice_id = cover.practice_id and colleague.staff_id = cover.covered_by
where cover.practice_id = %(practice_id)s and cover.called_off_at is null and cover.ends_at > %(at)s
order by cover.starts_at, away.display_name, cover.cover_id;

-- name: stands_in_for
-- Whose tasks a person looks after at an instant beside their own.
select staff_id from ccm.staff_cover
where practice_id = %(practice_id)s and covered_by = %(staff_id)s and called_off_at is null
  and starts_at <= %(at)s and %(at)s < ends_at;

-- name: load_open_tasks
-- The open tasks of a person, as whoever asks sees them.
select task_id from ccm.task
where practice_id = %(practice_id)s and status = 'open' and owner_staff_id = %(staff_id)s
order by ccm.severity_order(severity), due_at, task_id
limit %(limit)s;

-- name: count_open_tasks
-- By owner, as whoever asks sees them; also of owners whose account is closed.
select owner.staff_id, owner.display_name, owner.disabled_at is not null as is_gone, held.tasks
from (
    select owner_staff_id, count(*) as tasks from ccm.task
    where practice_id = %(practice_id)s and status = 'open' and owner_staff_id is not null
    group by owner_staff_id
) held
join ingest.staff owner on owner.practice_id = %(practice_id)s and owner.staff_id = held.owner_staff_id
order by owner.display_name, owner.staff_id;
