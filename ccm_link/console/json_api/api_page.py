"""The description of the JSON API as a page to read: made here, without scripts and without anything from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from ccm_link.console import rendering
from ccm_link.console.desk import AtDesk
from ccm_link.console.entrance import sessions
from ccm_link.console.json_api import api_description

router = APIRouter(prefix="/api/v1")

Node = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an operation, or one field of a schema."""

    name: str
    where: str  # path, query, header; "" for a field
    kind: str
    is_required: bool
    words: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one address, in words."""

    method: str
    path: str
    words: tuple[str, ...]
    needs_session: bool
    parameters: tuple[Parameter, ...]
    body: str
    body_example: str
    answers: tuple[tuple[str, str, str], ...]  # status, what it means, the schema's name
    answer_example: str

    @property
    def anchor(self) -> str:
        """Return the id of the operation's heading."""
        return f"{self.method.lower()}{self.path}".replace("/", "-").translate({123: "", 125: ""})


@dataclass(frozen=True, slots=True)
class Schema:
    """What an answer or a body holds, in words."""

    name: str
    words: str
    fields: tuple[Parameter, ...]
    choices: tuple[str, ...]


@router.get("/docs", include_in_schema=False)
def docs(request: Request, _desk: AtDesk) -> HTMLResponse:
    """Show every operation with its parameters, examples, units and refusals."""
    description = api_description.of(request.app, sessions.cookie_name(request))
    text = rendering.render(
        "api.html", operations=list(operations(description)), schemas=list(schemas(description))
    )
    return HTMLResponse(text)


def operations(description: Node) -> Iterator[Operation]:
    """Yield the operations of a description, in its order."""
    for path, methods in description["paths"].items():
        for method, one in methods.items():
            answers = one["responses"]
            success: Node = next(
                (answers[status] for status in sorted(answers) if status < "300"), {}
            )
            body = one.get("requestBody", {})
            yield Operation(
                method=method.upper(),
                path=path,
                words=tuple(one.get("description", "").split("\n\n")),
                needs_session="security" in one,
                parameters=tuple(
                    Parameter(
                        each["name"],
                        each["in"],
                        _kind(each["schema"]),
                        each.get("required", False),
                        each.get("description", ""),
                    )
                    for each in one.get("parameters", ())
                ),
                body=_named(body),
                body_example=_example(body),
                answers=tuple(
                    (status, answers[status]["description"], _named(answers[status]))
                    for status in sorted(answers)
                ),
                answer_example=_example(success),
            )


def schemas(description: Node) -> Iterator[Schema]:
    """Yield the named schemas of a description, by name."""
    for name, one in sorted(description["components"]["schemas"].items()):
        required = one.get("required", ())
        yield Schema(
            name,
            one.get("description", ""),
            tuple(
                Parameter(field, "", _kind(its), field in required, its.get("description", ""))
                for field, its in one.get("properties", {}).items()
            ),
            tuple(map(str, one.get("enum", ()))),
        )


def _kind(schema: Node) -> str:
    """Return in a word or two what a schema allows."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    if isinstance(others := schema.get("additionalProperties"), Mapping):
        return f"{_kind(others)} by name"
    found = str(schema.get("format") or schema.get("type") or "anything")
    bounds = [
        f"{word} {schema[key]}"
        for key, word in (("minimum", "at least"), ("maximum", "at most"), ("default", "otherwise"))
        if schema.get(key) is not None
    ]
    return ", ".join([found, *bounds])


def _content(node: Node) -> Node:
    return next(iter(node.get("content", {}).values()), {})


def _named(node: Node) -> str:
    return str(_content(node).get("schema", {}).get("$ref", "").rpartition("/")[2])


def _example(node: Node) -> str:
    found = _content(node).get("example")
    if found is None or isinstance(found, str):
        return found or ""
    return json.dumps(found, indent=2, ensure_ascii=False)
