-- The end of readings.

-- name: drop_series_before
-- Whole months (TimescaleDB: seven days) that lie before; returns how many went.
select ingest.drop_series_before(%(before_at)s);
