"""Charts of readings: series, pictures, and sentences that say the same."""

from __future__ import annotations
