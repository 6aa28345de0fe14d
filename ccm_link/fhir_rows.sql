-- Statements that load what becomes FHIR resources for whoever asks the console's FHIR API. Role: homevitals_console.

-- name: particulars
-- Who patients are, with the death that is recorded now.
select p.practice_id, p.patient_id, p.display_name, p.family_name, p.given_names, p.born_on, p.record_number,
       p.administrative_gender, p.birth_sex, p.language, p.standing, held.died_on, held.died_at
from ingest.patient p
left join lateral (
    select s.died_on, s.died_at from ingest.patient_standing s
    where s.practice_id = p.practice_id and s.patient_id = p.patient_id and s.withdrawn_at is null
    order by s.since_at desc
    limit 1) held on true
where p.practice_id = %(practice_id)s and p.patient_id = any(%(patient_ids)s)
order by p.patient_id;

-- name: patients
-- Who is looked for, in the order of ids, behind a place in it. What is null is not asked about. A name begins with what is
-- sought, or a word of it does; where only the whole name is known, any word of it can be family or given name.
with named as (
    select p.patient_id, p.born_on, p.record_number, p.standing,
           coalesce(p.administrative_gender, 'unknown') as gender,
           lower(p.display_name) as whole,
           string_to_array(lower(p.display_name), ' ') as words,
           case when p.family_name is null then string_to_array(lower(p.display_name), ' ')
                else array[lower(p.family_name)] || string_to_array(lower(p.family_name), ' ') end as family,
           case when p.given_names is null then string_to_array(lower(p.display_name), ' ')
                else array[lower(p.given_names)] || string_to_array(lower(p.given_names), ' ') end as given
    from ingest.patient p
    where p.practice_id = %(practice_id)s
      and (%(after_id)s::uuid is null or p.patient_id > %(after_id)s)
      and (%(patient_ids)s::uuid[] is null or p.patient_id = any(%(patient_ids)s))
      and (%(born_from)s::date is null or p.born_on >= %(born_from)s)
      and (%(born_until)s::date is null or p.born_on < %(born_until)s)
)
select n.patient_id
from named n
where (%(genders)s::text[] is null or n.gender = any(%(genders)s))
  and (%(is_active)s::boolean is null or (n.standing = 'active') = %(is_active)s)
  and (%(names)s::text[] is null or exists (
      select from unnest(%(names)s) as sought, unnest(n.words || n.whole) as word where starts_with(word, sought)))
  and (%(families)s::text[] is null or exists (
      select from unnest(%(families)s) as sought, unnest(n.family) as word where starts_with(word, sought)))
  and (%(given)s::text[] is null or exists (
      select from unnest(%(given)s) as sought, unnest(n.given) as word where starts_with(word, sought)))
  and (%(identifier_values)s::text[] is null or exists (
      select from unnest(%(identifier_systems)s::text[], %(identifier_values)s::text[]) as sought (system, value)
      where (sought.value = n.record_number and coalesce(sought.system, %(own_system)s) = %(own_system)s)
         or exists (
             select from ccm.patient_identifier i
             where i.practice_id = %(practice_id)s and i.patient_id = n.patient_id and i.ended_at = 'infinity'
               and i.value = sought.value and i.system = coalesce(sought.system, i.system))))
order by n.patient_id
limit %(limit)s;

-- name: newest_readings
-- A patient's readings of some kinds behind a place in their order, the place itself included, newest first. Replaced versions
-- only where they are asked for; an instant of change is when a version was stored, or replaced. Kind by kind, for that is the
-- order of the index.
select r.*
from unnest(%(kinds)s::text[]) as asked (kind)
cross join lateral (
    select * from ingest.reading_history
    where practice_id = %(practice_id)s and patient_id = %(patient_id)s and kind = asked.kind
      and measured_at >= %(from_at)s and measured_at < %(until_at)s
      and (not %(is_dated)s or time_quality <> 'unknown')
      and (superseded_at is null or %(with_replaced)s)
      and coalesce(superseded_at, stored_at) >= %(updated_from)s and coalesce(superseded_at, stored_at) < %(updated_until)s
      and result <> 'control_solution'
      and (%(place_id)s::uuid is null or (measured_at, reading_id) <= (%(place_at)s, %(place_id)s))
    order by measured_at desc, reading_id desc
    limit %(limit)s) r
order by r.measured_at desc, r.reading_id desc
limit %(limit)s;

-- name: oldest_readings
-- The same, oldest first.
select r.*
from unnest(%(kinds)s::text[]) as asked (kind)
cross join lateral (
    select * from ingest.reading_history
    where practice_id = %(practice_id)s and patient_id = %(patient_id)s and kind = asked.kind
      and measured_at >= %(from_at)s and measured_at < %(until_at)s
      and (not %(is_dated)s or time_quality <> 'unknown')
      and (superseded_at is null or %(with_replaced)s)
      and coalesce(superseded_at, stored_at) >= %(updated_from)s and coalesce(superseded_at, stored_at) < %(updated_until)s
      and result <> 'control_solution'
      and (%(place_id)s::uuid is null or (measured_at, reading_id) >= (%(place_at)s, %(place_id)s))
    order by measured_at, reading_id
    limit %(limit)s) r
order by r.measured_at, r.reading_id
limit %(limit)s;

-- name: beside
-- What stands beside readings. A meal was told right behind its measurement, over the same gateway: a meter that counts anew
-- gives a number a second time. A version that was nobody's, or is hidden, is not named as the one that was replaced.
select asked.reading_id, peripheral.bluetooth_address, told.context ->> 'meal' as meal, former.reading_id as replaces_id
from unnest(%(reading_ids)s::uuid[], %(peripheral_ids)s::uuid[], %(sequence_numbers)s::integer[], %(gateway_ids)s::text[],
            %(outbox_epochs)s::text[], %(outbox_seqs)s::bigint[])
    as asked (reading_id, peripheral_id, sequence_number, gateway_id, outbox_epoch, outbox_seq)
left join ingest.peripheral on peripheral.practice_id = %(practice_id)s and peripheral.peripheral_id = asked.peripheral_id
left join lateral (
    select c.context from ingest.glucose_context c
    where c.practice_id = %(practice_id)s and c.peripheral_id = asked.peripheral_id
      and c.sequence_number = asked.sequence_number and c.gateway_id = asked.gateway_id
      and c.outbox_epoch = asked.outbox_epoch and abs(c.outbox_seq - asked.outbox_seq) <= %(nearby)s
    order by c.outbox_seq desc
    limit 1) told on true
left join ingest.reading_version version
    on version.practice_id = %(practice_id)s and version.reading_id = asked.reading_id
left join ingest.reading_history former
    on former.practice_id = %(practice_id)s and former.reading_id = version.replaces_id
   and former.measured_at = version.replaces_measured_at and former.patient_id is not null;

-- name: peripherals_of
-- What a patient measures with, or did.
select p.peripheral_id, p.bluetooth_address, p.profile_id, p.first_seen_at
from ingest.peripheral p
where p.practice_id = %(practice_id)s
  and exists (
      select from ingest.assignment a
      where a.practice_id = p.practice_id and a.peripheral_id = p.peripheral_id and a.patient_id = %(patient_id)s
        and a.voided_at is null)
order by p.peripheral_id;

-- name: peripheral
-- One of the practice's peripherals.
select peripheral_id, bluetooth_address, profile_id, first_seen_at from ingest.peripheral
where practice_id = %(practice_id)s and peripheral_id = %(peripheral_id)s;

-- name: whose
-- The patient whom one thing of a kind is about, where the asker sees that patient.
select patient_id from ccm.task
where %(kind)s = 'task' and practice_id = %(practice_id)s and task_id = %(named)s
union all
select patient_id from ccm.condition
where %(kind)s = 'condition' and practice_id = %(practice_id)s and condition_id = %(named)s
union all
select patient_id from ccm.care_plan
where %(kind)s = 'plan' and practice_id = %(practice_id)s and plan_id = %(named)s
union all
select patient_id from ccm.consent
where %(kind)s = 'consent' and practice_id = %(practice_id)s and consent_id = %(named)s
union all
select patient_id from ingest.patient
where %(kind)s = 'team' and practice_id = %(practice_id)s and patient_id = %(named)s;
