"""From a month’s facts to claims: proposed, attested, exported, and followed until paid or denied."""

from __future__ import annotations
