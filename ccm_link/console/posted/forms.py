"""Posted forms: read strictly, checked by the same models as the JSON API, answered in words per field."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Final, TypeVar
from urllib.parse import parse_qsl

from fastapi import Depends, Request
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ccm_link.console import problems
from ccm_link.console.posted import input_types
from ccm_link.console.problems import Problem

Fields = Mapping[str, str]
Model = TypeVar("Model", bound=BaseModel)

FORM_TYPE: Final = "application/x-www-form-urlencoded"
_MOST_FIELDS: Final = 256  # all tasks of the worklist, and what is to be done with them
_OUR_KIND_OF_NAME: Final = re.compile("[a-z][a-z_]{0,39}")
_SECRETS: Final = ("password", "code", "secret", "token")

_WORDS: Final = {
    "missing": "Fill this in.",
    "string_too_short": "Fill this in.",
    "extra_forbidden": "There is no such field.",
    "enum": "Choose one of the list.",
    "literal_error": "Choose one of the list.",
    "finite_number": "Write a number.",
    "timezone_aware": "Say the time zone, for example 2026-11-03T09:30:00Z.",
}
_BY_KIND: Final = (
    ("int", "Write a whole number."),
    ("float", "Write a number."),
    ("uuid", "This is no identifier."),
    ("datetime", "Write a time with its zone, for example 2026-11-03T09:30:00Z."),
    ("date", "Write a date as year-month-day, for example 2026-11-03."),
    ("time", "Write a time as hours:minutes, for example 09:30."),
    ("string", "Write a text."),
    ("bool", "Write true or false."),
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A form that was refused, for the page that shows it again.

    Attributes:
        form: Which form of the page.
        typed: What was typed into it; a note once written is not lost.
        complaints: What is wrong with which field.
        problem: What is wrong with the whole, where that is no field's fault.
    """

    form: str
    typed: Fields = field(default_factory=dict)
    complaints: Mapping[str, str] = field(default_factory=dict)
    problem: Problem | None = None

    @property
    def status(self) -> int:
        """Return the answer's status."""
        return self.problem.status if self.problem else 422

    def typed_in(self, form: str, name: str, otherwise: str) -> str:
        """Return what a field of a form shows."""
        return self.typed.get(name, otherwise) if form == self.form else otherwise

    def complaints_in(self, form: str) -> Mapping[str, str]:
        """Return what is wrong with the fields of a form."""
        return self.complaints if form == self.form else {}


NOTHING_REFUSED: Final = Refusal("")


async def posted(request: Request) -> Fields:
    """Return the fields of a posted form, each once.

    Raises:
        Refused: 415 for another content type, 400 for a body that is no form, has a field twice or holds a NUL,
            413 by the body limit.
    """
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != FORM_TYPE:
        raise problems.Refused(problems.WRONG_TYPE)
    body = await request.body()
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(body),
            encoding="utf-8",
            errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    except ValueError:
        raise problems.Refused(problems.BAD_FORM) from None
    fields = dict(pairs)
    if len(fields) != len(pairs) or any("\0" in name + text for name, text in pairs):
        raise problems.Refused(problems.BAD_FORM)
    return fields


def is_secret(name: str) -> bool:
    """Say whether a field holds what nobody may read off a page again."""
    return any(word in name for word in _SECRETS)


def check(model: type[Model], fields: Fields) -> tuple[Model | None, dict[str, str]]:
    """Check posted fields against a model. A field left empty counts as not sent, as a person means it.

    Returns:
        The filled model and no complaints, or ``None`` and what is wrong with each field.
    """
    try:
        return model.model_validate_strings(_filled_in(fields), context=input_types.FROM_FORM), {}
    except ValidationError as error:
        return None, complaints(error.errors(include_url=False, include_input=False))


def _filled_in(fields: Fields) -> dict[str, str]:
    return {name: text for name, text in fields.items() if text.strip()}


def complaints(errors: Sequence[ErrorDetails]) -> dict[str, str]:
    """Return what is wrong with each field, in words that never repeat what was sent."""
    found: dict[str, str] = {}
    for error in errors:
        name = str(error["loc"][-1]) if error["loc"] else "form"
        if error["loc"] and error["loc"][0] == "header":
            name = name.lower().replace("-", "_")
        # A name that nobody here would choose may hold anything.
        found.setdefault(name if _OUR_KIND_OF_NAME.fullmatch(name) else "other", _in_words(error))
    return found


def _in_words(error: ErrorDetails) -> str:
    kind = error["type"]
    context = error.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind == "string_too_long":
        return f"At most {context['max_length']:,} characters."
    if kind in {"greater_than_equal", "less_than_equal"}:
        limit = context.get("ge", context.get("le"))
        return f"At {'least' if kind == 'greater_than_equal' else 'most'} {limit}."
    if kind in _WORDS:
        return _WORDS[kind]
    return next(
        (words for prefix, words in _BY_KIND if kind.startswith(prefix)), "This cannot be used."
    )


Posted = Annotated[Fields, Depends(posted)]
