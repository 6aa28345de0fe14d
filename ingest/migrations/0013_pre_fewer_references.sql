-- Record keys and messages are written once for every reading, and their practice comes from the gateway's own row, under a
-- wall that lets no other through; practices are never deleted. A look at the practice for each row cost more than the row.
alter table ingest.record_key drop constraint record_key_practice_id_fkey;
alter table ingest.message drop constraint message_practice_id_fkey;
