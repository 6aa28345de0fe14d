"""Alerts: threshold rules, their evaluation for every reading, the episodes that breaches open.

:mod:`alerts.evaluate` is pure and says what a reading means under the rules in force;
:mod:`alerts.evaluator` takes work from the queue that ingest commits with the readings and writes
evaluation, episode and task in one transaction. Who turns an episode into a task is handed in as a
sink, for this package stands below care management.
"""

from __future__ import annotations
