"""Resources as JSON: numbers keep the digits that they were sent with, in both directions.

FHIR counts 37.0 and 37 as two precisions, and asks that neither is changed. Python's own module makes floats of both.

Source: FHIR R4 (4.0.1), Datatypes, decimal: “the precision of the decimal value has significance”.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final, cast

import simplejson

from ccm_link.fhir.codings import Json

CONTENT_TYPE: Final = "application/fhir+json"


def written(resource: Json) -> bytes:
    """Return a resource as JSON in UTF-8."""
    text = simplejson.dumps(
        resource, use_decimal=True, ensure_ascii=False, allow_nan=False, separators=(",", ":")
    )
    return cast("str", text).encode()


def read(content: bytes) -> Any:
    """Return what JSON says, its fractions as Decimal.

    Raises:
        ValueError: It is no JSON.
    """
    return simplejson.loads(content, parse_float=Decimal)
