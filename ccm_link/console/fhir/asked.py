"""What a search asks for, read from its address: parameters that a type knows, and those that say how to answer.

A parameter that is not known is refused where the asker wants it strict, else passed over and counted. One that is
known with a modifier or a chain behind it is refused in any case: without them it would find something else.

Source: FHIR R4 (4.0.1), Search: handling errors, ``Prefer: handling=strict`` or ``lenient``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, TypeAlias
from zoneinfo import ZoneInfo

from fastapi import Request

from ccm_link.console import problems
from ccm_link.console.desk import Desk
from ccm_link.console.entrance import sealing
from ccm_link.console.entrance.sealing import Purpose
from ccm_link.fhir import search_text
from ccm_link.fhir.search_text import Span, Token, Unusable
from ccm_link.fhir.server_types import RESULT_PARAMETERS, TYPES, Form, ServerType

_COUNT: Final = 50
_MOST: Final = 500
_WHOLE_NUMBER: Final = re.compile("[0-9]{1,6}")
_CURSOR_LASTS: Final = timedelta(hours=1)
_LONGEST_CURSOR: Final = 12_000  # what the head of a request may hold, less what else is in it
_LONGEST_QUESTION: Final = 6_000  # as JSON: sealed, it still fits into a cursor
_JSON: Final = frozenset(
    {"json", "application/json", "application/fhir+json", "application/fhir json"}  # + is a blank
)


Given: TypeAlias = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A search as it was understood.

    Attributes:
        kind: The type of resources.
        said: Parameters of the type, in the order in which they came.
        count: How many on a page.
        sort: One of the type's.
        is_count: Whether only the number is asked for.
        passed_over: How many parameters were not known.
        place: Where the page begins, as the page before said; None for the first one.
    """

    kind: str
    said: Given
    count: int = _COUNT
    sort: str = ""
    is_count: bool = False
    passed_over: int = 0
    place: Mapping[str, Any] | None = field(default=None, repr=False)

    @property
    def patient(self) -> str | None:
        """Return the id of the patient whom the search names.

        Raises:
            Refused: 400; it is no reference to a patient, or two are named.
        """
        named = {
            self._read(name, text, lambda one: search_text.referenced(one, "Patient"))
            for name, text in self.said
            if name in ("patient", "subject")
        }
        if len(named) > 1:
            raise unusable({"patient": "expected one patient"})
        return next(iter(named), None)

    @property
    def ids(self) -> list[str] | None:
        """Return the ids that are asked for.

        Raises:
            Refused: 400; one cannot be an id.
        """
        found = [self._read("_id", text, search_text.ids) for text in self.texts("_id")]
        return found[0] if found else None

    def texts(self, name: str) -> list[str]:
        """Return what a parameter was given."""
        return [text for named, text in self.said if named == name]

    def tokens(self, name: str) -> list[Token] | None:
        """Return the codes of a parameter, any of which will do; None where it is not asked about.

        Raises:
            Refused: 400; they cannot be used.
        """
        found = [self._read(name, text, search_text.tokens) for text in self.texts(name)]
        return found[0] if found else None

    def strings(self, name: str) -> tuple[str, ...] | None:
        """Return the texts of a parameter in small letters, any of which will do.

        Raises:
            Refused: 400; they cannot be used.
        """
        found = [self._read(name, text, search_text.alternatives) for text in self.texts(name)]
        return tuple(one.lower() for one in found[0]) if found else None

    def span(self, name: str, zone: ZoneInfo) -> Span | None:
        """Return the time that a parameter means, which may come twice: from and until.

        Raises:
            Refused: 400; it is no date.
        """
        found = None
        for text in self.texts(name):
            one = self._read(name, text, lambda each: search_text.span(each, zone))
            found = one if found is None else found.and_(one)
        return found

    def _read(self, name: str, text: str, read: Any) -> Any:
        try:
            return read(text)
        except Unusable as error:
            raise unusable({name: error.expected}) from None


def unusable(fields: Mapping[str, str]) -> problems.Refused:
    """Return the refusal of parameters; ``fields`` maps each to what was expected."""
    return problems.Refused(
        problems.Problem(
            400,
            "This search cannot be made",
            "; ".join(f"{name}: {words}" for name, words in fields.items()) + ".",
            "See the CapabilityStatement for what each type is searched by.",
            fields=fields,
        )
    )


def search(desk: Desk, kind: str, given: Given) -> Asked:
    """Read what a request searches for.

    Args:
        desk: Of who asks.
        kind: The type of resources.
        given: Parameters as they came, in the address or in a form.

    Raises:
        Refused: 400; a parameter is not known and the asker wants it strict, came twice, has a modifier, or cannot be
            used; 406 for another format than JSON.
    """
    check_format(desk.request)
    cursor = [text for name, text in given if name == "_cursor"]
    if cursor:
        if len(given) > len([name for name, _ in given if name in ("_cursor", "_format")]):
            raise unusable({"_cursor": "a cursor stands alone, as the link “next” has it"})
        return _opened(desk, kind, cursor[0])
    server_type = TYPES[kind]
    said = list(_known(given, server_type))
    _refuse_repeated(given, server_type)
    if len(json.dumps(said)) > _LONGEST_QUESTION:
        raise unusable({"query": "this is too much at once; ask for less, more often"})
    results = {name: text for name, text in given if name in RESULT_PARAMETERS}
    passed_over = len(given) - len(said) - len([name for name, _ in given if name in results])
    if passed_over and _is_strict(desk.request):
        raise unusable({"query": "there is a parameter that this type does not have"})
    count = _count(results.get("_count"))
    summary = results.get("_summary", "false")
    if summary not in ("count", "false"):
        raise unusable({"_summary": "expected count or false"})
    sort = results.get("_sort", server_type.sorts[0])
    if sort not in server_type.sorts:
        raise unusable({"_sort": f"expected {' or '.join(server_type.sorts)}"})
    return Asked(
        kind=kind,
        said=said,
        count=count,
        sort=sort,
        is_count=summary == "count" or count == 0,
        passed_over=passed_over,
    )


def check_format(request: Request) -> None:
    """Refuse another format than JSON.

    Raises:
        Refused: 406.
    """
    formats = request.query_params.getlist("_format")
    accepted = request.headers.get("accept", "*/*").lower()
    wants_json = not formats and ("json" in accepted or "*" in accepted)
    if not wants_json and not (formats and all(one.lower() in _JSON for one in formats)):
        raise problems.Refused(
            problems.Problem(
                406,
                "Only JSON is spoken here",
                "Resources are handed out as application/fhir+json.",
                "Set the header Accept, or _format=json.",
            )
        )


def sealed(desk: Desk, asked: Asked, place: Mapping[str, Any]) -> str:
    """Return a cursor that leads on from a place, with all that was asked for: nobody else's addresses hold it."""
    note = {
        "said": [list(one) for one in asked.said],
        "count": asked.count,
        "sort": asked.sort,
        "place": dict(place),
    }
    return sealing.passing(desk.request).close_note(
        Purpose.PLACE, note, desk.now + _CURSOR_LASTS, _bound_to(desk, asked.kind)
    )


def _opened(desk: Desk, kind: str, cursor: str) -> Asked:
    note = None
    if len(cursor) <= _LONGEST_CURSOR:
        note = sealing.passing(desk.request).open_note(
            Purpose.PLACE, cursor, desk.now, _bound_to(desk, kind)
        )
    if note is None:
        raise problems.Refused(problems.BAD_CURSOR)
    return Asked(
        kind=kind,
        said=[(name, text) for name, text in note["said"]],
        count=note["count"],
        sort=note["sort"],
        place=note["place"],
    )


def _bound_to(desk: Desk, kind: str) -> str:
    return f"fhir {desk.practice_id} {kind}"


def _known(given: Given, server_type: ServerType) -> Iterator[tuple[str, str]]:
    for name, text in given:
        if name in server_type.parameters:
            yield name, text
        else:
            (plain, *behind) = re.split("[:.]", name, maxsplit=1)
            if behind and plain in server_type.parameters:
                raise unusable({plain: "modifiers and chains are not understood here"})


def _refuse_repeated(given: Given, server_type: ServerType) -> None:
    names = [name for name, _ in given]
    for name in dict.fromkeys(names):
        parameter = server_type.parameters.get(name)
        is_date = parameter is not None and parameter.form is Form.DATE
        if names.count(name) > 1 and not is_date and (parameter or name in RESULT_PARAMETERS):
            raise unusable(
                {name: "it came twice; alternatives stand behind each other with commas"}
            )


def _count(text: str | None) -> int:
    if text is None:
        return _COUNT
    if not _WHOLE_NUMBER.fullmatch(text):
        raise unusable({"_count": "expected a whole number"})
    return min(int(text), _MOST)


def _is_strict(request: Request) -> bool:
    wishes = re.split("[,;]", request.headers.get("prefer", ""))
    return any(wish.strip().lower() == "handling=strict" for wish in wishes)
