-- What a task says of its newest breach: of a reading that is still the patient's, or else that there is none any more.
create or replace view ccm.named_task with (security_invoker = true) as
    select task.*, patient.display_name as patient_name, patient.record_number, owner.display_name as owner_name,
           episode.breach_count, episode.breached_at, coalesce(breach.note, '') as breach_sentence
    from ccm.task
    join ingest.patient using (practice_id, patient_id)
    join alerts.episode using (practice_id, patient_id, episode_id)
    left join lateral (
        select event.note from alerts.episode_event event
        where event.practice_id = task.practice_id and event.episode_id = task.episode_id
          and event.reading_id is not null
        order by exists (
                select from alerts.episode_event withdrawn
                where withdrawn.practice_id = event.practice_id and withdrawn.episode_id = event.episode_id
                  and withdrawn.reading_id = event.reading_id and withdrawn.event = 'reading_withdrawn'),
            event.measured_at desc, event.at desc, event.event desc
        limit 1
    ) breach on true
    left join ingest.staff owner
        on owner.practice_id = task.practice_id and owner.staff_id = task.owner_staff_id;
