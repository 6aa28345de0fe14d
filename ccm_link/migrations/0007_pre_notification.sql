-- The notifier leads to the task that an episode made, and calls its owner first.
grant usage on schema ccm to homevitals_notifier;
grant select (practice_id, task_id, episode_id, owner_staff_id) on ccm.task to homevitals_notifier;
