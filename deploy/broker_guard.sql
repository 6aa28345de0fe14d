-- Statements of the broker's guard.

-- name: listen
-- Whoever revokes a gateway notifies this channel, so that the guard need not wait for its next look.
listen homevitals_revocation;

-- name: take_turn
-- One guard works at a time; two would take each other for the gateway that comes back. The lock ends with the connection.
select pg_try_advisory_lock(hashtext('homevitals.broker_guard'));
