"""Care management: enrolment, tasks, the time log, the month's minutes, and the console.

An alert's task is opened through :mod:`ccm_link.task_sink` inside the alert's own transaction; a
care manager claims it, works on it with a timer that the server holds, and completes it with a
disposition. The time entries are append-only, and :mod:`ccm_link.month` counts them.
"""

from __future__ import annotations
