-- The outbox of one gateway: an encrypted SQLite file with a single writer.

-- Which instance of an outbox this is. A new file is a new epoch, so that (epoch, seq) never names two records.
create table instance (
    only_row integer primary key check (only_row = 1),
    epoch    text not null,                             -- 32 hexadecimal digits
    layout   integer not null
) strict;

create table record (
    seq                   integer primary key autoincrement,  -- gapless within the epoch, never given twice
    peripheral            text not null,                -- Bluetooth address
    profile_id            text not null,
    profile_version       integer not null,
    characteristic        text not null,
    raw                   blob not null,                -- as the peripheral sent it
    received_at           text not null,                -- gateway clock, RFC 3339, UTC
    gateway_clock         text not null,
    device_clock_offset_s real,
    time_zone             text not null,
    link                  text not null,
    state                 text not null default 'waiting' check (state in ('waiting', 'receipted')),
    attempts              integer not null default 0,   -- how often it was published
    published_at          text,
    receipt_status        text,
    receipt_reason        text,
    receipted_at          text
) strict;
create index record_waiting on record (seq) where state = 'waiting';
create index record_receipted on record (receipted_at) where state = 'receipted';

-- The last sequence number that a meter has fully reported, so that the next session asks for what follows.
create table watermark (
    peripheral    text not null,
    profile_id    text not null,
    last_sequence integer not null,
    primary key (peripheral, profile_id)
) strict, without rowid;
