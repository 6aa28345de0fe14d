"""The console's pages, one module per place; every action is a form post answered with a redirect."""

from __future__ import annotations
