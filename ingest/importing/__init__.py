"""Files with readings from elsewhere, read into rows: one module for each format. Pure."""

from __future__ import annotations
