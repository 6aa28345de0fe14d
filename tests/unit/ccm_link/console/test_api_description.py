from __future__ import annotations

import re
from datetime import UTC, datetime

import jsonschema
import pytest
from fastapi import FastAPI

from ccm_link.console import app, rendering
from ccm_link.console.json_api import api_description, api_examples, api_page
from ccm_link.console.json_api.external_time_api import PREFIX
from ccm_link.console.routes import permissions
from ccm_link.settings import CcmLinkSettings


@pytest.fixture(scope="module")
def console() -> FastAPI:
    # No connection is opened: the pools are only used by requests.
    return app.create_app(None, None, CcmLinkSettings(), lambda: datetime.now(UTC))  # type: ignore[arg-type]


def operations(console: FastAPI) -> dict[str, dict]:
    return {
        f"{method.upper()} {path}": operation
        for path, found in api_description.of(console, "cookie")["paths"].items()
        for method, operation in found.items()
    }


def test_exactly_what_nobody_else_may_do_asks_for_a_session(console: FastAPI) -> None:
    described = {rule: "security" in one for rule, one in operations(console).items()}
    needed = {
        rule: permissions.ROUTES[rule] is not permissions.ANYBODY or PREFIX in rule
        for rule in described
    }
    assert described == needed
    assert set(described.values()) == {True, False}


def test_the_session_is_the_cookie_of_this_address(console: FastAPI) -> None:
    schemes = api_description.of(console, "__Host-homevitals")["components"]["securitySchemes"]
    assert schemes["session"] == {"type": "apiKey", "in": "cookie", "name": "__Host-homevitals"}


def test_every_refusal_is_a_problem_document(console: FastAPI) -> None:
    for rule, operation in operations(console).items():
        for status, answer in operation["responses"].items():
            if status >= "400":
                assert set(answer["content"]) == {"application/problem+json"}, (rule, status)
        assert ("415" in operation["responses"]) is ("requestBody" in operation), rule


def test_describing_twice_changes_nothing(console: FastAPI) -> None:
    once = api_description.of(console, "a")
    assert api_description.of(console, "b") != once
    assert api_description.of(console, "a") == once


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/api/v1/session", ["DELETE", "POST"]),
        ("/api/v1/worklist", ["GET"]),
        ("/api/v1/tasks/anything/claim", ["POST"]),
        ("/nowhere", []),
    ],
)
def test_an_address_knows_all_of_its_methods(
    console: FastAPI, path: str, methods: list[str]
) -> None:
    assert api_description.methods_of(console, path) == methods


def test_every_body_and_every_answer_has_an_example_that_fits_its_schema(
    console: FastAPI, subtests: pytest.Subtests
) -> None:
    description = api_description.of(console, "cookie")
    for rule, operation in operations(console).items():
        with subtests.test(rule):
            nodes = [answer for status, answer in operation["responses"].items() if status < "300"]
            nodes += [operation["requestBody"]] if "requestBody" in operation else []
            for node in nodes:
                for kind, content in node.get("content", {}).items():
                    assert "example" in content, kind
                    if kind == "application/json":
                        jsonschema.validate(
                            content["example"],
                            content["schema"] | {"components": description["components"]},
                            format_checker=jsonschema.FormatChecker(),
                        )


# What a number of an answer may be besides a quantity with its unit.
COUNTS = re.compile(
    r"count|version|readings|days|numbers|sessions|needed|had|entered|imported|undated|without_number|control_solution"
    r"|above_range|below_range|beyond_protocol|outside_hours|status|slot|port"
    r"|waiting_records|troubles|rank|failures|adapters|saved|highest_seq"
)
UNITS = re.compile(
    r"_(mmhg|bpm|mg_dl|mmol_l|kg|celsius|percent|bytes|dbm|c|s|day)$|^(seconds|mean|target|smallest|largest)$"
)


def test_every_number_of_an_answer_says_its_unit_or_is_a_count(console: FastAPI) -> None:
    schemas = api_description.of(console, "cookie")["components"]["schemas"]
    without = {
        f"{name}.{field}"
        for name, schema in schemas.items()
        for field, its in schema.get("properties", {}).items()
        if {"number", "integer"} & {one.get("type") for one in its.get("anyOf", [its])}
        and not UNITS.search(field)
        and not COUNTS.search(field)
    }
    assert without == set()


def test_the_page_names_every_operation_and_every_schema_without_a_script(console: FastAPI) -> None:
    description = api_description.of(console, "cookie")
    page = rendering.render(
        "api.html",
        operations=list(api_page.operations(description)),
        schemas=list(api_page.schemas(description)),
    )
    for path, methods in description["paths"].items():
        for method in methods:
            assert f"{method.upper()} {path}" in page
    anchors = re.findall(r'id="([^"]+)"', page)
    assert len(anchors) == len(set(anchors))
    assert {link[1:] for link in re.findall(r'href="(#[^"]+)"', page)} <= set(anchors)
    assert {f"schema-{name}" for name in description["components"]["schemas"]} <= set(anchors)
    assert not re.search(r"<script|\son\w+=|javascript:|\sstyle=", page)
    assert not re.search(r'(src|href|action)="(https?:)?//', page)


@pytest.mark.parametrize(
    ("schema", "name", "example"),
    [
        ({"type": "number"}, "systolic_mmhg", 131),
        ({"anyOf": [{"type": "null"}, {"type": "integer"}]}, "", 1),
        ({"type": "integer", "minimum": 7}, "", 7),
        ({"type": "array", "items": {"type": "string", "format": "date"}}, "", ["2026-11-12"]),
        ({"enum": ["a", "b"]}, "", "a"),
        ({"$ref": "#/components/schemas/X"}, "", {"note": "Called."}),
        (
            {"type": "object", "additionalProperties": {"type": "boolean"}},
            "",
            {"systolic_mmhg": True},
        ),
        ({}, "", None),
    ],
)
def test_an_example_is_made_of_its_schema(schema: dict, name: str, example: object) -> None:
    named = {"X": {"type": "object", "properties": {"note": {"type": "string"}}}}
    assert api_examples.of(schema, named, name) == example
