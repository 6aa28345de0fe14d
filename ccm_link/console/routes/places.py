"""Where a person may go from the head of every page, and where they start."""

from __future__ import annotations

from typing import Final

from ccm_link.console import problems
from ccm_link.console.routes import permissions
from ingest.people import SignedIn

# In the order of the page's head; the first that a role includes is where the person starts.
_PLACES: Final = (
    ("/worklist", "Worklist"),
    ("/patients", "Patients"),
    ("/program", "Program"),
    ("/care-gaps", "Care gaps"),
    ("/rules", "Rules"),
    ("/time", "Time log"),
    ("/month", "Month"),
    ("/unassigned", "Unassigned"),
    ("/peripherals", "Peripherals"),
    ("/quarantine", "Quarantine"),
    ("/gateways", "Gateways"),
    ("/quiet-times", "Quiet times"),
    ("/restrictions", "Restricted"),
    ("/emergency-access", "Emergency access"),
    ("/escalation", "Escalation"),
    ("/ehr-link", "Other systems"),
    ("/reports", "Report"),
    ("/self-audit", "Self-audit"),
    ("/staff", "Staff"),
    ("/audit", "Audit trail"),
)
_START: Final = ("/worklist", "/time", "/gateways", "/own-record")


def of(who: SignedIn) -> list[tuple[str, str]]:
    """Return address and name of every place that the person's role includes."""
    return [place for place in _PLACES if permissions.may_open(who, place[0])]


def start(who: SignedIn) -> str:
    """Return the address at which the person starts.

    Raises:
        Refused: 403; the person's role includes none of them.
    """
    for address in _START:
        if permissions.may_open(who, address):
            return address
    raise problems.Refused(problems.FORBIDDEN)
