"""What the JSON API says of itself: FastAPI's description, with what FastAPI cannot know.

Refusals are problem documents, which have a media type of their own; every operation but a few needs a session; and a
body may be refused before its operation sees it.

Source: OpenAPI 3.1.0 (February 2021); RFC 9457, Problem Details for HTTP APIs, July 2023.
"""

from __future__ import annotations

import copy
from typing import Any, Final

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from ccm_link.console.json_api import api_examples, external_time_api
from ccm_link.console.routes import permissions

PROBLEM_TYPE: Final = "application/problem+json"
_PROBLEM: Final = {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}}
# Answered before a route is asked: what is no JSON, is too large, or has another media type.
_OF_BODIES: Final = {
    "400": "Bad Request",
    "413": "Content Too Large",
    "415": "Unsupported Media Type",
}


def of(app: FastAPI, cookie_name: str) -> dict[str, Any]:
    """Return the description of everything for programs.

    Args:
        app: The console.
        cookie_name: What the session's cookie is called here.
    """
    description = copy.deepcopy(app.openapi())
    schemes = description.setdefault("components", {}).setdefault("securitySchemes", {})
    schemes["session"] = {"type": "apiKey", "in": "cookie", "name": cookie_name}
    schemes["system"] = {"type": "http", "scheme": "bearer"}
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            if permissions.ROUTES.get(f"{method.upper()} {path}") is not permissions.ANYBODY:
                operation["security"] = [{"session": []}]
            elif path.startswith(external_time_api.PREFIX):
                operation["security"] = [{"system": []}]
            _describe_refusals(operation)
            _give_examples(operation, description["components"].get("schemas", {}))
    return description


def _give_examples(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    good = [answer for status, answer in operation["responses"].items() if status < "300"]
    for node in [*good, operation.get("requestBody", {})]:
        for kind, content in node.get("content", {}).items():
            if kind == "application/json":
                content["example"] = api_examples.of(content["schema"], schemas)


def _describe_refusals(operation: dict[str, Any]) -> None:
    answers = operation["responses"]
    if "requestBody" in operation:
        for status, words in _OF_BODIES.items():
            answers.setdefault(status, {"description": words})
    for status, answer in answers.items():
        if status >= "400":
            answer["content"] = _PROBLEM


def methods_of(app: FastAPI, path: str) -> list[str]:
    """Return the methods that an address knows, for the answer to one that it does not know.

    Source: RFC 9110, section 10.2.1 (Allow), June 2022.
    """
    return sorted(
        {
            method
            for route in iter_route_contexts(app.routes)
            if route.methods and route.path_regex.fullmatch(path)
            for method in route.methods
        }
    )
