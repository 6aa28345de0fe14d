"""What our FHIR server can do, as CapabilityStatement: made of what is there. Pure.

Source: FHIR R4 (4.0.1), CapabilityStatement.
"""

from __future__ import annotations

from datetime import date

from ccm_link.fhir import codings, resource_json
from ccm_link.fhir.codings import Json
from ccm_link.fhir.server_types import TYPES, ServerType


def statement(base_url: str, on: date) -> Json:
    """Return what the server at an address can do, as of a day."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": on.isoformat(),
        "kind": "instance",
        "software": {"name": "Homevitals"},
        "implementation": {
            "description": "Readings from home and the care of them",
            "url": base_url,
        },
        "fhirVersion": "4.0.1",
        "format": [resource_json.CONTENT_TYPE, "json"],
        "rest": [
            {
                "mode": "server",
                "documentation": "For reading. Whoever asks sees what that person sees in the console. A search "
                "can be posted as a form to _search, so that whom it is about stands in no address.",
                "security": {
                    "description": "A session: POST /api/v1/session sets its cookie.",
                },
                "resource": [_resource(name, one) for name, one in TYPES.items()],
            }
        ],
    }


def _resource(name: str, one: ServerType) -> Json:
    sorts = f" Sorted by {one.sorts[0]}" + (f", or by {one.sorts[1]}." if one.sorts[1:] else ".")
    return codings.without_empty(
        {
            "type": name,
            "supportedProfile": list(one.profiles),
            "documentation": one.words + sorts,
            "interaction": [{"code": "read"}, {"code": "search-type"}],
            "versioning": "versioned",
            "readHistory": False,
            "conditionalRead": "not-match",
            "searchParam": [
                {"name": parameter, "type": said.form.value, "documentation": said.words}
                for parameter, said in one.parameters.items()
            ],
        }
    )
