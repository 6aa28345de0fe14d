"""What the console says: the words of the field, each in one place."""

from __future__ import annotations
