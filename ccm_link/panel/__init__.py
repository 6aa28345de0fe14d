"""A practice's panel out of a file: who the patients are, who pays, what they have, and who cares for them."""

from __future__ import annotations
