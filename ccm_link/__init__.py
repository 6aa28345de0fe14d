"""Care management: from who the patients are to what a month of care is worth, and the console over all of it.

An alert's task is opened through :mod:`ccm_link.task.task_sink` inside the alert's own transaction; a care manager
claims it, works on it with a timer that the server holds, and completes it with a disposition. The time entries are
append-only and chained; :mod:`ccm_link.billing` counts them, and :mod:`ccm_link.claim` makes claims of what it counted.
"""

from __future__ import annotations
