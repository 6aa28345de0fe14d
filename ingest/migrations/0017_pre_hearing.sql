-- Whether this service hears its broker. Where it does not, the silence of homes says nothing about them.

-- One row for the whole service, as it has one broker; nulls until a worker has heard it for the first time.
create table ingest.hearing (
    since_at timestamptz,                           -- from here on without a break that counts
    until_at timestamptz,                           -- last proof
    check ((since_at is null) = (until_at is null)),
    check (since_at <= until_at)
);
insert into ingest.hearing values (null, null);

grant select, update on ingest.hearing to homevitals_ingest;
grant select on ingest.hearing to homevitals_alerts, homevitals_console;

-- What the evaluator's watch asks about silence: which peripheral of whom, and how its gateway is.
grant select on ingest.gateway, ingest.gateway_health, ingest.assignment, ingest.peripheral to homevitals_alerts;
grant select (practice_id, patient_id, time_zone) on ingest.patient to homevitals_alerts;
-- Rules about silence are asked by the clock: no reading says for which practice. Each is then worked for alone.
create policy wide_alerts on ingest.practice for select to homevitals_alerts using (true);
