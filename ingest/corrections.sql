-- name: add_correction
-- Who corrected what, and why.
insert into ingest.correction (practice_id, correction_id, at, cause, made_by, detail)
values (%(practice_id)s, %(correction_id)s, %(at)s, %(cause)s, %(made_by)s, %(detail)s);

-- name: claim_replacements
-- Each reading is replaced once: of two who correct it at the same moment the second finds it done.
-- In the order of the key, so that two who correct never wait for each other crosswise.
insert into ingest.reading_version (practice_id, reading_id, measured_at, replaces_id, replaces_measured_at, original_id,
                                    version, correction_id)
select %(practice_id)s, wanted.reading_id, wanted.measured_at, wanted.replaces_id, wanted.replaces_measured_at,
       coalesce(before.original_id, wanted.replaces_id), wanted.version, %(correction_id)s
from unnest(%(reading_ids)s::uuid[], %(measured_ats)s::timestamptz[], %(replaces_ids)s::uuid[],
            %(replaces_measured_ats)s::timestamptz[], %(versions)s::smallint[])
    as wanted (reading_id, measured_at, replaces_id, replaces_measured_at, version)
left join ingest.reading_version before on before.practice_id = %(practice_id)s and before.reading_id = wanted.replaces_id
order by wanted.replaces_id
on conflict (practice_id, replaces_id) do nothing
returning reading_id;

-- name: lift_columnstore_limit
-- Old readings lie in columns, where changing one unpacks its neighbours, a thousand at most; how many in one transaction is
-- limited to keep people from doing so without a where. Plain PostgreSQL keeps the setting and does nothing with it.
select set_config('timescaledb.max_tuples_decompressed_per_dml_transaction', '0', true);

-- name: supersede
-- The one field of a reading that is set after it was stored, for readings of one patient. Only what stands here as a value
-- (not in a join) tells which partitions and which packed readings it is about.
update ingest.reading_history r set superseded_at = %(at)s
where r.practice_id = %(practice_id)s
  and (r.patient_id = %(patient_id)s or %(patient_id)s::uuid is null and r.patient_id is null)
  and r.reading_id = any (%(reading_ids)s) and r.measured_at = any (%(measured_ats)s)
  and r.superseded_at is null;

-- name: history
-- All versions of a reading, whichever of them was asked for, first stored first, with what led to each.
with asked as (
    select coalesce((select original_id from ingest.reading_version
                     where practice_id = %(practice_id)s and reading_id = %(reading_id)s), %(reading_id)s) as original_id
), versions as (
    select k.reading_id, k.measured_at, null::uuid as correction_id
    from asked join ingest.record_key k on k.reading_id = asked.original_id and k.practice_id = %(practice_id)s
    union all
    select v.reading_id, v.measured_at, v.correction_id
    from asked join ingest.reading_version v on v.original_id = asked.original_id and v.practice_id = %(practice_id)s
)
select r.reading_id, r.version, r.measured_at, r.patient_id, r.profile_id, r.profile_version, r.stored_at, r.superseded_at,
       c.cause, c.made_by, c.detail
from versions
join ingest.reading_history r on r.reading_id = versions.reading_id and r.measured_at = versions.measured_at
    and r.practice_id = %(practice_id)s
left join ingest.correction c on c.practice_id = %(practice_id)s and c.correction_id = versions.correction_id
order by r.version;
