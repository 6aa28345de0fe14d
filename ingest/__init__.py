"""The store and its front door.

Ingest takes the batches that gateways publish, decodes the raw bytes itself, finds the patient from
the assignment valid at the moment of measurement, and commits readings, quarantine and evaluation
work in one transaction before it acknowledges anything. Beside the consumer live the schema, the
migration runner and the named queries that the packages above build on.
"""

from __future__ import annotations
