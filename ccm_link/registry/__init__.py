"""Who the patients are: names, identifiers, contacts, coverage, conditions, and whether they are cared for here."""

from __future__ import annotations
