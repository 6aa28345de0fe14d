"""What may be posted, as a form and as JSON: fields, their limits, and complaints that say what to do."""

from __future__ import annotations
