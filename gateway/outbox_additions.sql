-- What came after the outbox's first layout. A gateway that is set back to an earlier version ignores these tables.

-- When the server last took something, for longer than the receipted rows are kept.
create table if not exists last_receipt (
    only_row    integer primary key check (only_row = 1),
    receipted_at text not null
) strict;

-- Repairs: each damaged outbox that this file took the place of.
create table if not exists salvage (
    salvage_id  integer primary key,
    epoch       text,                                   -- of the damaged file; null: not even that could be read
    found_at    text not null,
    reason      text not null,
    saved       integer not null,                       -- records that live on here, under new numbers
    highest_seq integer                                 -- the last number known to have been given; null: none is known
) strict;

-- Numbers of a damaged outbox whose rows could not be saved. The server knows which of them it has.
create table if not exists unsaved (
    salvage_id integer not null,
    first_seq  integer not null,
    last_seq   integer not null,
    primary key (salvage_id, first_seq)
) strict, without rowid;

-- What is known of each peripheral from its conversations, so that a restart does not forget it.
create table if not exists acquaintance (
    peripheral      text primary key,                   -- Bluetooth address
    profile_id      text not null,
    talked_at       text not null,                      -- last conversation that ended well, gateway clock
    rssi_dbm        integer,
    battery_percent integer,
    battery_at      text
) strict, without rowid;

-- What a proprietary protocol asked to be remembered about a peripheral, such as the key it was given when it was paired.
create table if not exists peripheral_memory (
    peripheral text not null,                           -- Bluetooth address
    name       text not null,
    content    blob not null,
    primary key (peripheral, name)
) strict, without rowid;
