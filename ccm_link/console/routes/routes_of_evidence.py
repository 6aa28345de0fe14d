"""Who may see what claims rest on, the practice as a reviewer would see it, and what the program comes to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ccm_link.console.routes.rights import Action, Resource, Rule

ROUTES: Final[Mapping[str, Rule | None]] = {
    "GET /claims/{claim_id}/evidence": (Resource.EVIDENCE, Action.VIEW),
    "GET /patients/{patient_id}/month/{month}/packet.json": (Resource.EVIDENCE, Action.EXPORT),
    "GET /patients/{patient_id}/month/{month}/packet.pdf": (Resource.EVIDENCE, Action.EXPORT),
    "GET /self-audit": (Resource.SELF_AUDIT, Action.VIEW),
    "GET /reports": (Resource.PROGRAM_REPORT, Action.VIEW),
}
