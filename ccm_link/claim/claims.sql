-- Statements about claims. Role: homevitals_console.

-- name: load_proposed
-- The proposals that stand, and for whom a claim is past that: it is left alone.
select claim_id, patient_id, practitioner_id, state, facts_sha256
from ccm.claim
where practice_id = %(practice_id)s and month_on = %(month_on)s and patient_id = any (%(patient_ids)s)
  and state not in ('corrected', 'void');

-- name: load_corrected
-- The last claim that was given up to be corrected, by patient and practitioner.
select distinct on (patient_id, practitioner_id) patient_id, practitioner_id, claim_id
from ccm.claim
where practice_id = %(practice_id)s and month_on = %(month_on)s and patient_id = any (%(patient_ids)s)
  and state = 'corrected'
order by patient_id, practitioner_id, claim_number desc;

-- name: forget
-- Proposals that nobody attested: they are made anew from the facts.
delete from ccm.claim
where practice_id = %(practice_id)s and claim_id = any (%(claim_ids)s) and state = 'proposed';

-- name: propose
-- New proposals; where a claim of the practitioner for the month stands already, none.
insert into ccm.claim
    (practice_id, claim_id, patient_id, month_on, practitioner_id, payer, facts_sha256, diagnoses, replaces, proposed_at)
select %(practice_id)s, claim_id, patient_id, %(month_on)s, practitioner_id, payer, decode(facts_sha256, 'hex'), diagnoses,
       replaces, %(at)s
from jsonb_to_recordset(%(claims)s) as made
    (claim_id uuid, patient_id uuid, practitioner_id uuid, payer text, facts_sha256 text, diagnoses text[], replaces uuid)
on conflict do nothing
returning claim_id;

-- name: propose_lines
-- A code that another claim has for the same time is left out here; whoever attests is refused for it.
insert into ccm.claim_line
    (practice_id, claim_id, line_number, patient_id, program, code, units, is_set_up, service_on, first_on, last_on,
     diagnosis_pointers)
select %(practice_id)s, claim_id, line_number, patient_id, program, code, units, is_set_up, service_on, first_on, last_on,
       diagnosis_pointers
from jsonb_to_recordset(%(lines)s) as made
    (claim_id uuid, line_number smallint, patient_id uuid, program text, code text, units smallint, is_set_up boolean,
     service_on date, first_on date, last_on date, diagnosis_pointers smallint[])
where claim_id = any (%(claim_ids)s)
on conflict do nothing;

-- name: lock
-- Whoever decides about a claim has it alone until the transaction ends.
select claim_id from ccm.claim
where practice_id = %(practice_id)s and claim_id = %(claim_id)s
for update;

-- name: load
-- One claim with the name of who bills.
select claim_id, claim_number, patient_id, month_on, practitioner_id, practitioner.display_name as practitioner_name, payer,
       state, facts_sha256, tables, tables_sha256, diagnoses, replaces, proposed_at, row_version
from ccm.claim
left join ingest.staff practitioner
    on practitioner.practice_id = claim.practice_id and practitioner.staff_id = claim.practitioner_id
where claim.practice_id = %(practice_id)s and claim.claim_id = %(claim_id)s;

-- name: load_of_patient
-- The claims of a patient's month, what stands first.
select claim_id, claim_number, patient_id, month_on, practitioner_id, practitioner.display_name as practitioner_name, payer,
       state, facts_sha256, tables, tables_sha256, diagnoses, replaces, proposed_at, row_version
from ccm.claim
left join ingest.staff practitioner
    on practitioner.practice_id = claim.practice_id and practitioner.staff_id = claim.practitioner_id
where claim.practice_id = %(practice_id)s and claim.patient_id = %(patient_id)s and claim.month_on = %(month_on)s
order by claim.state in ('corrected', 'void'), claim_number desc;

-- name: load_of_month
-- The claims of a practice's month in some states, by their number.
select claim_id, claim_number, patient_id, month_on, practitioner_id, practitioner.display_name as practitioner_name, payer,
       state, facts_sha256, tables, tables_sha256, diagnoses, replaces, proposed_at, row_version
from ccm.claim
left join ingest.staff practitioner
    on practitioner.practice_id = claim.practice_id and practitioner.staff_id = claim.practitioner_id
where claim.practice_id = %(practice_id)s and claim.month_on = %(month_on)s and claim.state = any (%(states)s)
order by claim_number;

-- name: count_of_month
-- How many claims of a month are in each state.
select state, count(*)::integer as claims
from ccm.claim
where practice_id = %(practice_id)s and month_on = %(month_on)s
group by state;

-- name: load_lines
-- The lines of claims, with how much each rests on.
select line.claim_id, line.line_number, line.program, line.code, line.units, line.is_set_up, line.service_on,
       line.first_on, line.last_on, line.diagnosis_pointers, line.rules,
       (select coalesce(sum(extract(epoch from until_at - from_at)), 0)::integer from ccm.claim_share share
        where share.practice_id = line.practice_id and share.claim_id = line.claim_id
          and share.line_number = line.line_number) as seconds
from ccm.claim_line line
where line.practice_id = %(practice_id)s and line.claim_id = any (%(claim_ids)s)
order by line.claim_id, line.line_number;

-- name: load_days
-- The days that lines rest on, with their readings.
select claim_id, line_number, day, reading_ids
from ccm.claim_day
where practice_id = %(practice_id)s and claim_id = any (%(claim_ids)s)
order by claim_id, line_number, day;

-- name: load_events
-- What became of claims, in the order in which it was said.
select event_number, claim_id, state, at, made_by, reference, denial_codes, paid_cents, note, export_number
from ccm.claim_event
where practice_id = %(practice_id)s and claim_id = any (%(claim_ids)s)
order by event_number;

-- name: forget_lines
-- The lines of a proposal, before they are written anew to be frozen.
delete from ccm.claim_line where practice_id = %(practice_id)s and claim_id = %(claim_id)s;

-- name: freeze_line
-- A line as it is attested, with the rows that led to it.
insert into ccm.claim_line
    (practice_id, claim_id, line_number, patient_id, program, code, units, is_set_up, service_on, first_on, last_on,
     diagnosis_pointers, rules)
values (%(practice_id)s, %(claim_id)s, %(line_number)s, %(patient_id)s, %(program)s, %(code)s, %(units)s, %(is_set_up)s,
        %(service_on)s, %(first_on)s, %(last_on)s, %(diagnosis_pointers)s, %(rules)s);

-- name: freeze_shares
-- The seconds that the units of a line rest on.
insert into ccm.claim_share
    (practice_id, claim_id, line_number, unit_number, patient_id, entry_id, from_at, until_at)
select %(practice_id)s, %(claim_id)s, %(line_number)s, unit_number, %(patient_id)s, entry_id, from_at, until_at
from unnest(%(unit_numbers)s::smallint[], %(entry_ids)s::uuid[], %(from_ats)s::timestamptz[], %(until_ats)s::timestamptz[])
    as made (unit_number, entry_id, from_at, until_at);

-- name: freeze_day
-- A day that a line rests on, with its readings.
insert into ccm.claim_day (practice_id, claim_id, line_number, patient_id, day, reading_ids)
values (%(practice_id)s, %(claim_id)s, %(line_number)s, %(patient_id)s, %(day)s, %(reading_ids)s);

-- name: attest
-- Only the proposal that the person saw.
update ccm.claim
set state = 'attested', payer = %(payer)s, tables = %(tables)s, tables_sha256 = %(tables_sha256)s,
    diagnoses = %(diagnoses)s, row_version = row_version + 1
where practice_id = %(practice_id)s and claim_id = %(claim_id)s and state = 'proposed' and row_version = %(row_version)s
returning claim_id;

-- name: change_state
-- Only from the state in which it was seen.
update ccm.claim set state = %(state)s, row_version = row_version + 1
where practice_id = %(practice_id)s and claim_id = %(claim_id)s and state = %(former)s
returning claim_id;

-- name: note_event
-- What became of a claim, and who said so.
insert into ccm.claim_event
    (practice_id, claim_id, patient_id, state, at, made_by, reference, denial_codes, paid_cents, note, export_number)
values (%(practice_id)s, %(claim_id)s, %(patient_id)s, %(state)s, %(at)s, %(made_by)s, %(reference)s, %(denial_codes)s,
        %(paid_cents)s, %(note)s, %(export_number)s)
returning event_number;

-- name: next_export_number
-- Taken before the file is written, for it stands in it.
select nextval(pg_get_serial_sequence('ccm.claim_export', 'export_number'));

-- name: note_export
-- A file that was written, with its hash.
insert into ccm.claim_export (practice_id, export_number, format, file_sha256, claim_count, at, made_by)
overriding system value
values (%(practice_id)s, %(export_number)s, %(format)s, %(file_sha256)s, %(claim_count)s, %(at)s, %(made_by)s)
returning export_number;

-- name: load_insured
-- Who the patients of claims are for a payer: names, address, and who is billed first on a day.
select patient.patient_id, patient.record_number, patient.display_name as name, patient.family_name, patient.given_names,
       patient.born_on, patient.administrative_gender as gender, home.street, home.city, home.state,
       home.postal_code as zip_code, coverage.payer_name, coverage.payer_id, coverage.member_id, coverage.kind
from ingest.patient
left join ccm.postal_address home
    on home.practice_id = patient.practice_id and home.patient_id = patient.patient_id and home.ended_at = 'infinity'
left join lateral (
    select payer_name, payer_id, member_id, kind from ccm.coverage
    where coverage.practice_id = patient.practice_id and coverage.patient_id = patient.patient_id
      and coverage.withdrawn_at is null and coverage.covered_from <= %(on)s
      and coalesce(coverage.covered_until, 'infinity') >= %(on)s
    order by coverage.rank limit 1
) coverage on true
where patient.practice_id = %(practice_id)s and patient.patient_id = any (%(patient_ids)s);

-- name: load_references
-- The payer's own number of claims, as it was said last, with the payer's answer or for the correction: what was noted when
-- a claim was sent is the sender's.
select distinct on (claim_id) claim_id, reference
from ccm.claim_event
where practice_id = %(practice_id)s and claim_id = any (%(claim_ids)s) and reference <> ''
  and state in ('paid', 'denied', 'corrected')
order by claim_id, event_number desc;

-- name: load_id_of_number
-- The claim that people call by a number.
select claim_id from ccm.claim where practice_id = %(practice_id)s and claim_number = %(claim_number)s;
