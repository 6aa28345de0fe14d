"""Tasks: opened by alerts, schedules and people; claimed, worked on, completed, and called about when nobody does."""

from __future__ import annotations
