-- Statements about practices' own words for what patients are told. Role: homevitals_console.

-- name: newest
-- The practice's newest version for a program, if it has one.
select version, elements from ccm.consent_script
where practice_id = %(practice_id)s and program = %(program)s
order by version desc
limit 1;

-- name: add
-- The next version behind the one that was looked at; no row comes back where another was added meanwhile.
insert into ccm.consent_script (practice_id, program, version, elements, added_by, added_at)
select %(practice_id)s, %(program)s, %(former_version)s + 1, %(elements)s, %(added_by)s, %(at)s
where %(former_version)s = (
    select coalesce(max(version), 0) from ccm.consent_script where practice_id = %(practice_id)s and program = %(program)s)
on conflict do nothing
returning version;
