"""What went wrong, or what has to be known of an answer, as OperationOutcome. Pure.

Source: FHIR R4 (4.0.1), OperationOutcome; value set issue-type.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ccm_link.fhir import codings
from ccm_link.fhir.codings import Json

_TYPES: Final = {
    400: "invalid",
    401: "login",
    403: "forbidden",
    404: "not-found",
    405: "not-supported",
    406: "not-supported",
    413: "too-long",
    415: "not-supported",
    422: "invalid",
    429: "throttled",
    431: "too-long",
    503: "transient",
}


def refusal(status: int, title: str, diagnostics: str, fields: Sequence[str] = ()) -> Json:
    """Return why something is refused.

    Args:
        status: Of HTTP.
        title: In a few words.
        diagnostics: What is wrong and what to do.
        fields: Names of the parameters that it is about: ours, never what was sent.
    """
    issue = codings.without_empty(
        {
            "severity": "error",
            "code": _TYPES.get(status, "exception"),
            "details": {"text": title},
            "diagnostics": diagnostics,
            "expression": [f"http.{name}" for name in fields],
        }
    )
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def passed_over(count: int) -> Json:
    """Return that some parameters were not used."""
    were = "parameter is" if count == 1 else "parameters are"
    words = (
        f"{count} {were} not known here and passed over; the link “self” has those that were used."
    )
    issue = {"severity": "warning", "code": "not-supported", "diagnostics": words}
    return {"resourceType": "OperationOutcome", "issue": [issue]}
