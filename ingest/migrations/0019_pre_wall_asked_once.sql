-- The patient's wall asks once per statement which patient is in force, as it asks once who is hidden: a sub-select is done
-- first. Asked for each row, it was more than half of counting a practice's 100,000 open tasks.
create or replace procedure ingest.wall(walled regclass, by_patient boolean default true) language plpgsql as $$
begin
    execute format('alter table %s enable row level security', walled);
    execute format('alter table %s force row level security', walled);
    execute format('create policy practice_wall on %s using (practice_id = any (ingest.practices_in_force()))', walled);
    if by_patient and exists (select from pg_attribute where attrelid = walled and attname = 'patient_id') then
        execute format('create policy patient_wall on %s as restrictive using (true)', walled);
        call ingest.ask_once(walled);
    end if;
end $$;

create procedure ingest.ask_once(walled regclass) language plpgsql as $$
begin
    execute format(
        'alter policy patient_wall on %s using ('
        'case when (select ingest.patient_in_force()) is null then true'
        ' else patient_id = (select ingest.patient_in_force()) end'
        ' and not coalesce(patient_id = any ((select ingest.hidden_patients())::uuid[]), false))', walled);
end $$;

do $$
declare
    walled regclass;
begin
    -- All that ingest.wall has made; the audit trail's is another.
    for walled in select polrelid::regclass from pg_policy
                  where polname = 'patient_wall' and exists (
                      select from pg_attribute where attrelid = polrelid and attname = 'patient_id' and not attisdropped) loop
        call ingest.ask_once(walled);
    end loop;
end $$;
