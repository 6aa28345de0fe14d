-- Statements about calls and messages. Roles: homevitals_notifier for calling and sending, homevitals_console for looking
-- and for tests of an address, homevitals_scheduler for watching.

-- name: lease_climbs
-- Episodes whose ladder has to be looked at now; until then nobody else does. The rows are held for this statement only:
-- whoever writes an event of an episode holds that, and then wants this row.
update alerts.climb set look_at = %(until)s
where (practice_id, episode_id) in (
    select practice_id, episode_id from alerts.climb
    where look_at <= %(now)s and look_at <> 'infinity'
    order by look_at
    limit %(most)s
    for update skip locked)
returning practice_id, episode_id;

-- name: load_standing
-- Where episodes stand. A round begins with what made them need somebody last, also where a snooze has just run out.
select episode.episode_id, episode.severity, episode.closed_at is not null as is_closed,
       episode.acknowledged_at is not null as is_acknowledged, episode.set_aside_at is not null as is_set_aside,
       case when episode.snoozed_until > %(now)s then episode.snoozed_until end as snoozed_until,
       greatest((select max(event.at) from alerts.episode_event event
                 where event.practice_id = episode.practice_id and event.episode_id = episode.episode_id
                   and event.event = any (%(beginnings)s)),
                case when episode.snoozed_until <= %(now)s then episode.snoozed_until end) as began_at
from alerts.episode
where episode.practice_id = %(practice_id)s and episode.episode_id = any (%(episode_ids)s);

-- name: load_called
-- What was called in every round of episodes, and whether all that left of a rung was given up.
select call.episode_id, call.round_at, call.rung, call.nobody,
       coalesce(bool_and(message.state = 'given_up') filter (where message.channel <> 'console'), false) as is_given_up
from alerts.rung_call call
left join alerts.notification message using (practice_id, episode_id, round_at, rung)
where call.practice_id = %(practice_id)s and call.episode_id = any (%(episode_ids)s)
group by call.episode_id, call.round_at, call.rung, call.nobody;

-- name: insert_rung_call
-- Once for each rung of a round, whoever calls it.
insert into alerts.rung_call
    (practice_id, episode_id, round_at, rung, severity, ladder_version, whom, reason, nobody, called_at)
values
    (%(practice_id)s, %(episode_id)s, %(round_at)s, %(rung)s, %(severity)s, %(ladder_version)s, %(whom)s, %(reason)s,
     %(nobody)s, %(at)s)
on conflict (practice_id, episode_id, round_at, rung) do nothing
returning rung;

-- name: insert_notification
-- Once for each recipient of a rung. What stands on the console is there as soon as it is stored.
insert into alerts.notification
    (practice_id, episode_id, round_at, rung, staff_id, channel, contact_id, state, next_at, queued_at, settled_at)
values
    (%(practice_id)s, %(episode_id)s, %(round_at)s, %(rung)s, %(staff_id)s, %(channel)s, %(contact_id)s,
     case when %(channel)s = 'console' then 'sent' else 'queued' end, %(at)s, %(at)s,
     case when %(channel)s = 'console' then %(at)s::timestamptz end)
on conflict do nothing;

-- name: queue_test
-- A message of no episode, to see whether an address works.
insert into alerts.notification (practice_id, round_at, staff_id, channel, contact_id, next_at, queued_at)
select practice_id, %(at)s, staff_id, channel, contact_id, %(at)s, %(at)s
from alerts.contact
where practice_id = %(practice_id)s and contact_id = %(contact_id)s and ended_at = 'infinity'
on conflict do nothing
returning notification_id;

-- name: withdraw
-- What is not sent yet need not be: somebody has the episode.
update alerts.notification set state = 'withdrawn', settled_at = %(at)s
where practice_id = %(practice_id)s and episode_id = %(episode_id)s and state = 'queued';

-- name: look_later
-- Null: not before something happens to the episode. Where something has meanwhile, it is looked at again anyway.
update alerts.climb set look_at = coalesce(%(look_at)s::timestamptz, 'infinity')
where practice_id = %(practice_id)s and episode_id = %(episode_id)s and look_at = %(leased_until)s;

-- name: end_climb
-- Of a closed episode, unless it came back meanwhile.
delete from alerts.climb
where practice_id = %(practice_id)s and episode_id = %(episode_id)s and look_at = %(leased_until)s;

-- name: look_now
-- After a message was given up: the next rung may be due.
update alerts.climb set look_at = '-infinity' where practice_id = %(practice_id)s and episode_id = %(episode_id)s;

-- name: claim
-- The oldest message of a channel that is due and in nobody's hands; whoever claims it has it until then.
update alerts.notification set attempts = attempts + 1, leased_until = %(until)s
where (practice_id, notification_id) = (
    select practice_id, notification_id from alerts.notification
    where channel = %(channel)s and state = 'queued' and next_at <= %(now)s and leased_until <= %(now)s
    order by next_at
    limit 1
    for update skip locked)
returning practice_id, notification_id, episode_id, attempts as attempt;

-- name: begin_attempt
-- Written down before the message leaves: without an end nobody knows what became of it.
insert into alerts.notification_attempt (practice_id, notification_id, attempt, began_at)
values (%(practice_id)s, %(notification_id)s, %(attempt)s, %(at)s);

-- name: load_message
-- Where a message goes, and what it may say. Without an address that holds there is none.
select practice.slug, episode.severity, contact.address
from alerts.notification message
join ingest.practice using (practice_id)
left join alerts.episode using (practice_id, episode_id)
left join alerts.contact contact
    on contact.practice_id = message.practice_id and contact.contact_id = message.contact_id
    and contact.ended_at = 'infinity'
where message.practice_id = %(practice_id)s and message.notification_id = %(notification_id)s;

-- name: end_attempt
-- What came of it.
update alerts.notification_attempt set ended_at = %(at)s, failure = %(failure)s
where practice_id = %(practice_id)s and notification_id = %(notification_id)s and attempt = %(attempt)s;

-- name: sent
-- It has gone out, also where it was withdrawn or sent by somebody else meanwhile.
update alerts.notification
set state = 'sent', settled_at = %(at)s, receipt = %(receipt)s, failure = '', leased_until = '-infinity'
where practice_id = %(practice_id)s and notification_id = %(notification_id)s and state <> 'sent'
returning notification_id;

-- name: try_again
-- It was not taken; only by who has it, and only while it is wanted.
update alerts.notification set next_at = %(next_at)s, failure = %(failure)s, leased_until = '-infinity'
where practice_id = %(practice_id)s and notification_id = %(notification_id)s and state = 'queued'
  and attempts = %(attempt)s;

-- name: give_up
-- It was never taken.
update alerts.notification
set state = 'given_up', settled_at = %(at)s, failure = %(failure)s, leased_until = '-infinity'
where practice_id = %(practice_id)s and notification_id = %(notification_id)s and state = 'queued'
  and attempts = %(attempt)s
returning notification_id;

-- name: load_calls_of_episode
-- Who was called about an episode, newest round first, with every message and what became of it.
select call.round_at, call.rung, call.whom, call.reason, call.nobody, call.called_at,
       message.channel, message.state, message.attempts, message.next_at, message.settled_at, message.failure,
       message.staff_id, staff.display_name as staff_name
from alerts.rung_call call
left join alerts.notification message using (practice_id, episode_id, round_at, rung)
left join ingest.staff on staff.practice_id = message.practice_id and staff.staff_id = message.staff_id
where call.practice_id = %(practice_id)s and call.episode_id = %(episode_id)s
order by call.round_at desc, call.rung desc, staff.display_name, message.channel;

-- name: load_last_messages
-- What became of the last message to each address that holds.
select distinct on (message.contact_id) message.contact_id, message.state, message.failure, message.queued_at,
       message.settled_at, message.episode_id is null as is_test
from alerts.notification message
join alerts.contact contact using (practice_id, contact_id)
where message.practice_id = %(practice_id)s and contact.ended_at = 'infinity' and message.state <> 'withdrawn'
order by message.contact_id, message.queued_at desc;

-- name: waiting_since
-- Since when the oldest look at a ladder or the oldest message is due; null where nothing is.
select least(
    (select min(greatest(look_at, case when look_at = '-infinity' then changed_at end))
     from alerts.climb where look_at <= %(now)s and look_at <> 'infinity'),
    (select min(next_at) from alerts.notification where state = 'queued' and next_at <= %(now)s)) as since;

-- name: count_failing
-- Addresses to which the last message that was settled lately was given up.
select count(*) from (
    select distinct on (practice_id, contact_id) state
    from alerts.notification
    where contact_id is not null and state in ('sent', 'given_up') and settled_at > %(since)s
    order by practice_id, contact_id, settled_at desc
) last
where state = 'given_up';
