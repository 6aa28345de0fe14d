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
