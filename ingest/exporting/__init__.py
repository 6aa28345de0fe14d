"""Readings as files for elsewhere: which columns, and one module for each format. Rows in, bytes out; no SQL."""

from __future__ import annotations
