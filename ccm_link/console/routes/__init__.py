"""Which route is about what, who may use it, and which places a person finds."""

from __future__ import annotations
