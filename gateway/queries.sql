-- name: add_instance
-- Starts an epoch.
insert into instance (only_row, epoch, layout) values (1, :epoch, :layout);

-- name: load_instance
-- Says which epoch and layout the file has.
select epoch, layout from instance;

-- name: append_record
-- Stores what a peripheral sent; the row's number is its place in the epoch.
insert into record (peripheral, profile_id, profile_version, characteristic, raw, received_at, gateway_clock,
                    device_clock_offset_s, time_zone, link)
values (:peripheral, :profile_id, :profile_version, :characteristic, :raw, :received_at, :gateway_clock,
        :device_clock_offset_s, :time_zone, :link)
returning seq;

-- name: restore_record
-- Puts a row that was saved from a damaged file into a new one, under a new number.
insert into record (peripheral, profile_id, profile_version, characteristic, raw, received_at, gateway_clock,
                    device_clock_offset_s, time_zone, link, state, attempts, published_at, receipt_status,
                    receipt_reason, receipted_at)
values (:peripheral, :profile_id, :profile_version, :characteristic, :raw, :received_at, :gateway_clock,
        :device_clock_offset_s, :time_zone, :link, :state, :attempts, :published_at, :receipt_status,
        :receipt_reason, :receipted_at);

-- name: load_next_record
-- The first row after a number; one row at a time, so that one bad page costs only its own rows.
select * from record where seq > :after order by seq limit 1;

-- name: load_waiting
-- Oldest rows without a receipt.
select * from record where state = 'waiting' order by seq limit :limit;

-- name: load_latest
-- Newest rows in any state.
select * from record order by seq desc limit :limit;

-- name: count_waiting
-- How many rows have no receipt.
select count(*) as waiting from record where state = 'waiting';

-- name: highest_seq
-- The last number given, also when its row has been pruned.
select coalesce((select seq from sqlite_sequence where name = 'record'), 0) as highest;

-- name: mark_published
-- Notes that a row was handed to the broker, which proves nothing yet.
update record set attempts = attempts + 1, published_at = :at where seq = :seq and state = 'waiting';

-- name: mark_receipted
-- Ends the duty for a range of rows. A row that was never published cannot have a receipt.
update record
set state = 'receipted', receipt_status = :status, receipt_reason = :reason, receipted_at = :at
where seq between :first_seq and :last_seq and state = 'waiting' and attempts > 0;

-- name: resend_receipted
-- Takes receipts back that came since then. What waits counts as never published too: a receipt that is still on its way
-- speaks of a database that is gone, and ends no duty.
update record
set state = 'waiting', attempts = 0, published_at = null, receipt_status = null, receipt_reason = null, receipted_at = null
where state = 'waiting' or receipted_at >= :since;

-- name: prune_receipted
-- Deletes a few rows whose receipt is old enough; rows without a receipt are never touched.
delete from record where seq in (
    select seq from record where state = 'receipted' and receipted_at < :before order by receipted_at limit :limit
);

-- name: load_watermark
-- How far one meter has reported.
select last_sequence from watermark where peripheral = :peripheral and profile_id = :profile_id;

-- name: load_watermarks
-- How far every meter has reported.
select peripheral, profile_id, last_sequence from watermark;

-- name: set_watermark
-- Notes how far a meter has reported; lower than before when its numbering started over.
insert into watermark (peripheral, profile_id, last_sequence) values (:peripheral, :profile_id, :last_sequence)
on conflict (peripheral, profile_id) do update set last_sequence = excluded.last_sequence;

-- name: find_additions
-- Whether this version, or a later one, has opened the file before.
select 1 from sqlite_schema where name = 'acquaintance';

-- name: fill
-- How much waits and since when. What came while the clock stood in the past has no age that could be believed.
select (select count(*) from record where state = 'waiting') as waiting,
       (select min(received_at) from record where state = 'waiting' and gateway_clock <> 'unsynchronised')
           as oldest_waiting_at,
       (select receipted_at from last_receipt) as last_receipt_at;

-- name: size
-- Room that rows take; pages of deleted rows are free for new ones.
select (page_count - freelist_count) * page_size as size_bytes
from pragma_page_count, pragma_freelist_count, pragma_page_size;

-- name: note_receipt
-- Remembers when the server last took something.
insert into last_receipt (only_row, receipted_at) values (1, :at)
on conflict (only_row) do update set receipted_at = excluded.receipted_at;

-- name: load_last_receipt
-- When the server last took something.
select receipted_at as at from last_receipt;

-- name: prune_any_receipted
-- Deletes a few of the rows that the server has, oldest first, however young: what is new needs their room.
delete from record where seq in (select seq from record where state = 'receipted' order by receipted_at limit :limit);

-- name: add_salvage
-- Notes that this file took the place of a damaged one.
insert into salvage (epoch, found_at, reason, saved, highest_seq)
values (:epoch, :found_at, :reason, :saved, :highest_seq)
returning salvage_id;

-- name: add_unsaved
-- Notes numbers whose rows are lost here.
insert into unsaved (salvage_id, first_seq, last_seq) values (:salvage_id, :first_seq, :last_seq);

-- name: load_salvages
-- All repairs, oldest first.
select salvage_id, epoch, found_at, reason, saved, highest_seq from salvage order by salvage_id;

-- name: load_unsaved
-- Which numbers each repair could not save.
select salvage_id, first_seq, last_seq from unsaved order by salvage_id, first_seq;

-- name: load_acquaintances
-- What is known of each peripheral.
select peripheral, profile_id, talked_at, rssi_dbm, battery_percent, battery_at from acquaintance order by peripheral;

-- name: note_acquaintance
-- After a conversation; a battery level that was not read this time stays with its instant.
insert into acquaintance (peripheral, profile_id, talked_at, rssi_dbm, battery_percent, battery_at)
values (:peripheral, :profile_id, :talked_at, :rssi_dbm, :battery_percent, :battery_at)
on conflict (peripheral) do update set
    profile_id = excluded.profile_id,
    talked_at = excluded.talked_at,
    rssi_dbm = coalesce(excluded.rssi_dbm, acquaintance.rssi_dbm),
    battery_percent = coalesce(excluded.battery_percent, acquaintance.battery_percent),
    battery_at = coalesce(excluded.battery_at, acquaintance.battery_at);

-- name: recall
-- What is remembered about one peripheral.
select name, content from peripheral_memory where peripheral = :peripheral;

-- name: remember
-- Remembers something about a peripheral in place of what stood there.
insert into peripheral_memory (peripheral, name, content) values (:peripheral, :name, :content)
on conflict (peripheral, name) do update set content = excluded.content;

-- name: forget
-- Forgets a peripheral: it is paired anew.
delete from peripheral_memory where peripheral = :peripheral;
