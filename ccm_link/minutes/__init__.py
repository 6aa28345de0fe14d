"""The time log: seconds of work with whom and for what, chained, approved, locked by month."""

from __future__ import annotations
