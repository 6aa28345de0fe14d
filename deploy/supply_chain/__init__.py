"""What other people's software we rely on: which, under which licence, and what is known to be wrong with it."""

from __future__ import annotations
