-- Statements that load what becomes FHIR resources. Role: homevitals_link.

-- name: reading
-- One version of a reading, also one that was replaced.
select * from ingest.reading_history
where practice_id = %(practice_id)s and reading_id = %(reading_id)s and measured_at = %(measured_at)s;

-- name: beside
-- What stands beside a reading: its peripheral's address, what the user told the meter, the version that it replaced. In the
-- order of ccm_link.fhir.observation.Beside.
select peripheral.bluetooth_address,
       (select told.context ->> 'meal' from ingest.glucose_context told
        where told.practice_id = reading.practice_id and told.peripheral_id = reading.peripheral_id
          and told.sequence_number = reading.sequence_number
        order by told.stored_at desc limit 1) as meal,
       version.replaces_id
from ingest.reading_history reading
left join ingest.peripheral using (practice_id, peripheral_id)
left join ingest.reading_version version
    on version.practice_id = reading.practice_id and version.reading_id = reading.reading_id
where reading.practice_id = %(practice_id)s and reading.reading_id = %(reading_id)s
  and reading.measured_at = %(measured_at)s;
