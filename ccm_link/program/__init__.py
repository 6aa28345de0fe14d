"""Programs of chronic care: who suits, who was asked, who consented, who is in, and who cares for them."""

from __future__ import annotations
