"""What proves a month: the packet of a patient, the way from a unit to raw bytes, the practice’s look at itself."""

from __future__ import annotations
