"""The pages about one patient, to which each of them leads."""

from __future__ import annotations

from typing import Final

from ccm_link.console.routes import permissions
from ingest.people import SignedIn

OF_PATIENT: Final = "/patients/{patient_id}"

# What follows the patient's own address, in the order in which the pages are shown.
_PLACES: Final = (
    ("", "Readings"),
    ("/tasks", "Tasks"),
    ("/record", "Record"),
    ("/plan", "Care plan"),
    ("/program", "Program"),
    ("/month", "Month"),
)


def of(who: SignedIn) -> list[tuple[str, str]]:
    """Return of each page that the person's role includes what follows the patient's address, and its name."""
    return [one for one in _PLACES if permissions.may_open(who, f"{OF_PATIENT}{one[0]}")]
