"""An example of each body and answer of the JSON API, made of its schema: none can be left out or fall behind. Pure.

Where the schema leaves the choice, a field's name decides: what is in mmHg looks like a blood pressure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

Schema = Mapping[str, Any]

_BY_FORMAT: Final = {
    "uuid": "6f1c2f8e-3f0f-4d51-9b7a-5d0a1c3e7b42",
    "date-time": "2026-11-12T12:14:00Z",
    "date": "2026-11-12",
    "time": "07:14",
}
_BY_NAME: Final[Mapping[str, Any]] = {
    "systolic_mmhg": 131,
    "diastolic_mmhg": 83,
    "mean_arterial_mmhg": 99,
    "pulse_bpm": 68,
    "glucose_mg_dl": 104,
    "weight_kg": 78.4,
    "spo2_percent": 97,
    "temperature_celsius": 36.6,
    "ketone_mmol_l": 0.4,
    "mean_mg_dl": 127.5,
    "sd_mg_dl": 24.1,
    "cv_percent": 18.9,
    "sd_mmhg": 7.2,
    "between_day_sd_mmhg": 5.1,
    "average_real_variability_mmhg": 6.4,
    "completeness_percent": 85.7,
    "in_70_to_180_percent": 92.5,
    "time_zone": "America/New_York",
    "loinc": "8480-6",
    "ucum": "mm[Hg]",
    "sign_in_name": "casey@elm",
    "display_name": "Casey Lindqvist",
    "patient_name": "Ada Lindqvist",
    "ended_at": "2026-11-12T12:24:00Z",
    "valid_until": "2026-11-13T12:14:00Z",
    "note": "Called.",
    "reason": "In words.",
    "next_cursor": "w1Xk…",
}
# Additional properties need a name, which the schema may leave open.
_SOME_NAME: Final = "systolic_mmhg"


def of(schema: Schema, schemas: Mapping[str, Schema], name: str = "") -> Any:
    """Return what a schema allows.

    Args:
        schema: Of OpenAPI 3.1; references lead into ``schemas``.
        schemas: The description's named schemas.
        name: Of the field that it is the schema of.
    """
    if "$ref" in schema:
        return of(schemas[schema["$ref"].rpartition("/")[2]], schemas, name)
    for given in ("const", "default"):
        if schema.get(given) is not None:
            return schema[given]
    if "enum" in schema:
        return schema["enum"][0]
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return next(
                of(one, schemas, name) for one in schema[several] if one.get("type") != "null"
            )
    return _of_type(schema, schemas, name)


def _of_type(schema: Schema, schemas: Mapping[str, Schema], name: str) -> Any:
    match schema.get("type"):
        case "object":
            return _object(schema, schemas)
        case "array":
            return [of(schema["items"], schemas, name)] if "items" in schema else []
        case "string":
            return _text(schema, name)
        case "boolean":
            return True
        case "integer" | "number":
            least: float = schema.get("minimum", 1)
            return _BY_NAME.get(name, max(1, least))
        case _:
            return None


def _object(schema: Schema, schemas: Mapping[str, Schema]) -> dict[str, Any]:
    if "properties" in schema:
        return {name: of(one, schemas, name) for name, one in schema["properties"].items()}
    others = schema.get("additionalProperties")
    if not isinstance(others, Mapping):
        return {}
    name = of(schema["propertyNames"], schemas) if "propertyNames" in schema else _SOME_NAME
    return {name: of(others, schemas)}


def _text(schema: Schema, name: str) -> str:
    found = _BY_NAME.get(name) or _BY_FORMAT.get(schema.get("format", ""))
    return str(found) if found else "x" * max(4, schema.get("minLength", 0))
