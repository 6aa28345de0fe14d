"""Requests that are wrong: rows 55 to 76 of the catalogue of bad input, one name for each.

==== =============================================== ===================================================================
Row  Input                                           State
==== =============================================== ===================================================================
55   body over the limit, without an end, too slow   413; the connection is closed, too slow: without an answer
56   wrong or missing content type                   415
57   malformed JSON, depth, a key twice, UTF-16      400
58   NaN, Infinity, NUL, numbers without end         422
59   unknown or read-only field                      422 with the field's name, if it looks like one
60   id that is none, unknown, another practice's    404 three times with the same body
61   limit=-1, 1_0, +5, twice                        422, also where no list has one: unknown parameters are refused
62   sort=;drop                                      422 likewise
63   from after to, a hundred years, no zone         422
64   cursor changed, of another practice or query    400: it is sealed, and bound to practice, patient and query
65   control characters, changed direction, 1 MB     422; 413
66   emoji, right-to-left, combining, apostrophes    accepted, come back the same
67   same Idempotency-Key, other body                409; the same body: the same entry again
68   version missing or stale on a change            422; 409 “stale_task”: the version is a field of the body
69   time that ends before it starts, 30 h, future   422 with the rule's name
70   limits that cross, wrong unit, absurd           422 with what it crosses; absurd ones cannot be confirmed either
71   bad, two, huge session cookies                  401 and cleared (a page leads to the sign-in)
72   unknown host, absolute address, X-Forwarded-*   400; ignored
73   a thousand ranges, multipart                    ranges are ignored; nothing takes multipart: 415
74   method override, TRACE                          405
75   WebSocket, foreign event stream, idle ones      no socket; 403; caps per person and process; idle connections end
76   Accept-Language, time zone garbage              the same page as without
==== =============================================== ===================================================================
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.routing import WebSocketRoute

from ccm_link.console import arrival_watch, connections, security
from ccm_link.console.routes import permissions
from tests.bad_input.conftest import SAME_ORIGIN, SignIn, Visitor, Wire
from tests.console_server import Console
from tests.made_up_practice import Connect, MadeUp

pytestmark = [pytest.mark.db, pytest.mark.parametrize("database", ["partitions"], indirect=True)]
JSON = {"content-type": "application/json"}
READINGS = {"kind": "blood_pressure", "from": "2026-11-11T00:00:00Z", "to": "2026-11-13T00:00:00Z"}
DAYS = {"kind": "blood_pressure", "from": "2026-11-11", "to": "2026-11-12"}
OF_A_PATIENT = (
    "readings",
    "readings/latest",
    "summaries/daily",
    "statistics/blood-pressure",
    "statistics/glucose",
)
KEYS = ("title", "status", "detail", "what_to_do")


def claim_address(casey: httpx.Client) -> str:
    """Return where the most urgent task is claimed."""
    return f"/api/v1/tasks/{first_task(casey)['task_id']}/claim"


def first_task(casey: httpx.Client) -> dict[str, Any]:
    task: dict[str, Any] = casey.get("/api/v1/worklist").json()["tasks"][0]
    return task


def entry(made_up: MadeUp, **changed: str) -> dict[str, str]:
    return {
        "patient_id": str(made_up.patients["noor"]),
        "started_at": "2026-11-12T15:00:00Z",
        "ended_at": "2026-11-12T15:10:00Z",
        "activity": "phone_call",
        "note": "n",
        "reason": "r",
    } | changed


def is_problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert set(KEYS) <= set(problem)
    return problem


def head(method: str, target: str, *lines: str, host: str = "127.0.0.1") -> bytes:
    return (
        "\r\n".join(
            [f"{method} {target} HTTP/1.1", f"Host: {host}", "Sec-Fetch-Site: same-origin", *lines]
        ).encode()
        + b"\r\n\r\n"
    )


# Row 55


def test_row_55_a_body_over_the_limit_is_refused_before_it_is_read(wire: Wire) -> None:
    # The server answers without having got a byte of the body, and hangs up.
    got = wire(
        head("POST", "/api/v1/session", "Content-Type: application/json", "Content-Length: 65537")
    )
    assert got.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in got.lower()


def test_row_55_a_body_without_an_end_is_cut_off(wire: Wire, subtests: pytest.Subtests) -> None:
    for target in ["/api/v1/session", "/sign-in", "/enrol/v1/claim"]:
        with subtests.test(target):
            kind = (
                "application/x-www-form-urlencoded" if target == "/sign-in" else "application/json"
            )
            chunks = b"".join(b"400\r\n" + b" " * 1024 + b"\r\n" for _ in range(70))
            got = wire(
                head("POST", target, f"Content-Type: {kind}", "Transfer-Encoding: chunked") + chunks
            )
            assert got.startswith(b"HTTP/1.1 413 ")
            assert b"connection: close" in got.lower()


def test_row_55_a_length_that_is_none_is_refused(wire: Wire, subtests: pytest.Subtests) -> None:
    for length in ["-1", "1e3", "0x10", "1, 2", "²"]:
        with subtests.test(length):
            got = wire(head("POST", "/sign-in", f"Content-Length: {length}", "Connection: close"))
            assert got.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 413 "))


# Row 56


def test_row_56_a_program_sends_json_and_nothing_else(
    casey: httpx.Client, subtests: pytest.Subtests
) -> None:
    for kind in [
        "",
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
        "a/json;;",
    ]:
        with subtests.test(kind):
            headers = {"content-type": kind} if kind else {}
            answer = casey.post(
                claim_address(casey), content=b'{"row_version": 1}', headers=headers
            )
            is_problem(answer, 415)
            assert first_task(casey)["row_version"] == 1


def test_row_56_no_route_takes_another_content_type(
    sign_in: SignIn,
    console: Console,
    connect: Connect,
    made_up: MadeUp,
    subtests: pytest.Subtests,
) -> None:
    browsers = [sign_in(name) for name in ("casey", "petra")]
    for method, address in changing_routes(console.app, connect, made_up):
        for browser in browsers:
            with subtests.test(f"{method} {address}"):
                answer = browser.request(
                    method,
                    address,
                    content=b"sentinel-Thornquist",
                    headers={"content-type": "text/csv"},
                )
                # Those without a body do not look at one: signing out.
                expected = {403, 404, 415} if method == "POST" else {204, 403, 404}
                assert answer.status_code in expected | ({303} if address == "/sign-out" else set())
                assert "sentinel" not in answer.text
                if address == "/sign-out":
                    browsers[browsers.index(browser)] = sign_in("casey")


def changing_routes(app: FastAPI, connect: Connect, made_up: MadeUp) -> list[tuple[str, str]]:
    """Return method and an address that exists, for every route that changes something."""
    with connect("postgres") as connection:
        row = connection.execute(
            "select task_id from ccm.task where practice_id = %s", (made_up.practice_id,)
        ).fetchone()
        assert row is not None
    known = {"task_id": row[0], "patient_id": made_up.patients["amalia"]}
    return [
        (
            method,
            re.sub(r"\{(\w+)\}", lambda found: str(known.get(found[1], uuid4())), path),
        )
        for method, path in permissions.routes(app)
        if method != "GET" and path != "/api/v1/session"
    ]


# Row 57 and 58

MALFORMED = {
    "cut off": b'{"row_version": 1',
    "two values": b'{"row_version": 1}{"row_version": 1}',
    "a comment": b'{"row_version": 1 // x\n}',
    "single quotes": b"{'row_version': 1}",
    "a comma too many": b'{"row_version": 1,}',
    "not UTF-8": b'{"row_version": 1, "\xff": 1}',
    "UTF-16": '{"row_version": 1}'.encode("utf-16"),
    "byte order mark": b'\xef\xbb\xbf{"row_version": 1}',
    "deep": b'{"row_version": ' + b"[" * 9 + b"]" * 9 + b"}",
    "very deep": b"[" * 60_000,
    "a key twice": b'{"row_version": 1, "row_version": 2}',
    "half a character": b'{"row_version": "\\ud800"}',
}


def test_row_57_malformed_json_is_refused_without_a_word_of_it(
    casey: httpx.Client, subtests: pytest.Subtests
) -> None:
    address = claim_address(casey)
    for case, body in MALFORMED.items():
        with subtests.test(case):
            answer = casey.post(address, content=body, headers=JSON)
            is_problem(answer, 400)
            assert "row_version" not in answer.text
    assert first_task(casey)["row_version"] == 1


UNUSABLE = {
    "NaN": b'{"row_version": NaN}',
    "Infinity": b'{"row_version": -Infinity}',
    "overflow": b'{"row_version": 1e999}',
    "twenty-one digits": b'{"row_version": 111111111111111111111}',
    "NUL": b'{"row_version": "\\u0000"}',
    "a fraction": b'{"row_version": 1.5}',
    "a truth value": b'{"row_version": true}',
    "text": b'{"row_version": "1"}',
    "negative": b'{"row_version": -1}',
    "beyond 32 bits": b'{"row_version": 2147483648}',
    "a list": b"[1]",
    "nothing": b"null",
}


def test_row_58_numbers_that_are_none_are_refused(
    casey: httpx.Client, subtests: pytest.Subtests
) -> None:
    address = claim_address(casey)
    for case, body in UNUSABLE.items():
        with subtests.test(case):
            is_problem(casey.post(address, content=body, headers=JSON), 422)
    assert first_task(casey)["row_version"] == 1


# Row 59


def test_row_59_fields_that_nobody_may_set_are_refused_by_name(
    casey: httpx.Client, subtests: pytest.Subtests
) -> None:
    address = claim_address(casey)
    for name in ("practice_id", "role", "owner_staff_id", "status", "task_id"):
        with subtests.test(name):
            body = {"row_version": 1, name: "sentinel-Thornquist"}
            problem = is_problem(casey.post(address, json=body), 422)
            assert problem["fields"] == {name: "There is no such field."}
    assert first_task(casey)["row_version"] == 1


def test_row_59_a_name_that_is_none_is_not_repeated(casey: httpx.Client) -> None:
    body = {"row_version": 1, "Amalia Thornquist 1951-03-17": 1}
    problem = is_problem(casey.post(claim_address(casey), json=body), 422)
    assert problem["fields"] == {"other": "There is no such field."}


# Row 60


def test_row_60_an_id_that_is_none_looks_like_one_that_is_not_there(
    casey: httpx.Client, made_up: MadeUp, subtests: pytest.Subtests
) -> None:
    tasks = ("1", "x" * 200, str(uuid4()), str(made_up.foreign_task_id), str(UUID(int=0)))
    patients = ("..", "%00", str(uuid4()), str(made_up.foreign_patient_id))
    groups = [
        [("GET", f"/api/v1/tasks/{one}", None) for one in tasks],
        [("POST", f"/api/v1/tasks/{one}/claim", {"row_version": 1}) for one in tasks],
        *(
            [("GET", f"/api/v1/patients/{one}/{rest}", None) for one in patients[1:]]
            for rest in OF_A_PATIENT
        ),
        [("GET", f"/api/v1/readings/stream?patient_id={one}", None) for one in patients[2:]],
        [("GET", f"/tasks/{one}", None) for one in tasks],
        [("GET", f"/patients/{one}", None) for one in patients[2:]],
    ]
    for group in groups:
        with subtests.test(group[0][1]):
            answers = [
                casey.request(method, address, json=body, params=_query(address))
                for method, address, body in group
            ]
            assert [answer.status_code for answer in answers] == [404] * len(group)
            assert len({_without_address(answer.text) for answer in answers}) == 1


def _query(address: str) -> dict[str, str] | None:
    if address.endswith("/readings"):
        return READINGS
    # None leaves a query alone that stands in the address.
    return DAYS if address.endswith("/daily") else None


def _without_address(text: str) -> str:
    return re.sub(r"[0-9a-f-]{36}", "", text)


# Rows 61 to 64


def test_row_61_a_limit_that_no_list_has_is_refused(
    casey: httpx.Client, made_up: MadeUp, subtests: pytest.Subtests
) -> None:
    for path in (
        "/api/v1/worklist",
        "/api/v1/readings/stream",
        *(f"/api/v1/patients/{made_up.patients['noor']}/{rest}" for rest in OF_A_PATIENT),
    ):
        for query in (
            "limit=-1",
            "limit=0",
            "limit=1e9",
            "limit=1_0",
            "limit=%2B5",
            "limit=5&limit=6",
        ):
            with subtests.test(f"{path} {query}"):
                answer = casey.get(f"{path}?{query}&{httpx.QueryParams(_query(path) or {})}")
                is_problem(answer, 422)


def test_row_61_a_pages_window_is_one_of_a_list(
    casey: httpx.Client, made_up: MadeUp, subtests: pytest.Subtests
) -> None:
    for days in ["-1", "0", "1e9", "3_0", "+30", "٣٠", "30&days=90", "%00", "%ff"]:
        with subtests.test(days):
            answer = casey.get(
                f"/patients/{made_up.patients['noor']}?days={days.replace('+', '%2B')}"
            )
            assert answer.status_code == 422


def test_row_62_an_unknown_column_is_refused(
    casey: httpx.Client, subtests: pytest.Subtests
) -> None:
    for query in ["sort=;drop", "sort=note", "order=desc", "fields=*", "q=%27--"]:
        with subtests.test(query):
            is_problem(casey.get(f"/api/v1/worklist?{query}"), 422)


SPANS = {
    "backwards": {"from": "2026-11-14T00:00:00Z"},
    "nothing between": {"from": "2026-11-13T00:00:00Z"},
    "a hundred years": {"from": "1926-11-11T00:00:00Z"},
    "two years": {"from": "2024-11-11T00:00:00Z"},
    "no zone": {"from": "2026-11-11T00:00:00"},
    "a day": {"from": "2026-11-11"},
    "a number": {"to": "1794268800"},
    "beyond the calendar": {"to": "9999-12-31T23:59:59-14:00"},
    "no such day": {"to": "2026-02-30T00:00:00Z"},
    "empty": {"to": ""},
}


def test_row_63_a_span_that_is_none_is_refused(
    casey: httpx.Client, made_up: MadeUp, subtests: pytest.Subtests
) -> None:
    address = f"/api/v1/patients/{made_up.patients['noor']}/readings"
    for case, changed in SPANS.items():
        with subtests.test(case):
            is_problem(casey.get(address, params=READINGS | changed), 422)


def test_row_63_days_that_are_none_are_refused(
    casey: httpx.Client, made_up: MadeUp, subtests: pytest.Subtests
) -> None:
    address = f"/api/v1/patients/{made_up.patients['noor']}/summaries/daily"
    for changed in (
        {"from": "2026-11-13"},
        {"from": "2025-10-01"},
        {"from": "1926-11-11"},
        {"to": "2026-02-30"},
        {"to": "2026-11-12T00:00:00Z"},
        {"to": "1794268800"},
        {"to": ""},
    ):
        with subtests.test(str(changed)):
            is_problem(casey.get(address, params=DAYS | changed), 422)


def test_row_64_a_cursor_is_good_for_its_own_query_alone(
    casey: httpx.Client, sign_in: SignIn, made_up: MadeUp, subtests: pytest.Subtests
) -> None:
    address = f"/api/v1/patients/{made_up.patients['noor']}/readings"
    page = casey.get(address, params=READINGS | {"limit": "1"}).json()
    cursor = page["next_cursor"]
    changed = ("A" if cursor[0] != "A" else "B") + cursor[1:]
    assert made_up.patients["noor"].hex not in cursor
    cases = {
        "changed": (casey, address, {"cursor": changed}),
        "cut off": (casey, address, {"cursor": cursor[:-1]}),
        "none": (casey, address, {"cursor": "sentinel-Thornquist"}),
        "of another query": (casey, address, {"cursor": cursor, "kind": "glucose"}),
        "of another patient": (
            casey,
            f"/api/v1/patients/{made_up.patients['amalia']}/readings",
            {"cursor": cursor},
        ),
        "of another practice": (
            sign_in("fremd@another"),
            f"/api/v1/patients/{made_up.foreign_patient_id}/readings",
            {"cursor": cursor},
        ),
    }
    for case, (browser, where, query) in cases.items():
        with subtests.test(case):
            answer = browser.get(where, params=READINGS | query)
            assert is_problem(answer, 400)["reason"] == "bad_cursor"
            assert "sentinel" not in answer.text
    with subtests.test("twice"):
        answer = casey.get(f"{address}?{httpx.QueryParams(READINGS)}&cursor=a&cursor=b")
        is_problem(answer, 422)


def test_row_64_no_other_route_has_a_cursor(console: Console) -> None:
    with_cursor = {
        route.path
        for route in api_routes(console.app)
        if set(_parameters(route.dependant))
        & {"cursor", "page", "page_token", "offset", "after", "before", "token"}
    }
    # The stream's positions are sealed in the same way: integration/ccm_link/console/test_readings_stream.py.
    assert with_cursor == set()


def api_routes(app: FastAPI) -> Iterator[APIRoute]:
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if isinstance(route, APIRoute):
            yield route


def _parameters(dependant: Any) -> Iterator[str]:
    yield from (field.alias for field in dependant.query_params)
    for one in dependant.dependencies:
        yield from _parameters(one)


# Rows 65 and 66

HIDDEN = {
    "bell": "a\u0007b",
    "escape": "a\u001b[31mb",
    "delete": "a\u007fb",
    "C1": "a\u0085b",
    "override": "a\u202eb",
    "isolate": "a\u2066b",
    "blanks alone": " \t\n ",
    "too long": "x" * 4_001,
}


def test_row_65_text_that_does_not_read_as_it_is_stored_is_refused(
    casey: httpx.Client, made_up: MadeUp, subtests: pytest.Subtests
) -> None:
    for case, text in HIDDEN.items():
        with subtests.test(case):
            answer = casey.post("/api/v1/time-entries", json=entry(made_up, note=text))
            assert set(is_problem(answer, 422)["fields"]) == {"note"}
            page = casey.post("/timer/stop", data={"note": text})
            assert page.status_code == 422


def test_row_65_a_megabyte_is_refused(casey: httpx.Client, made_up: MadeUp) -> None:
    big = "x" * 1_000_000
    assert casey.post("/api/v1/time-entries", json=entry(made_up, note=big)).status_code == 413
    assert casey.post("/timer/stop", data={"note": big}).status_code == 413


READABLE = (
    "Patient’s daughter O'Hara-Þórdís <b>&amp;</b> “quoted” called; 5 > 3",
    "emoji 🙂👩‍⚕️🏳️‍🌈 and flags 🇩🇪",
    "combining é ñ Z̈ and precomposed é",
    "شكراً، نور — تحسّن ضغط الدم",
    "תודה רבה",
    "多謝，血壓好多了",
    "two lines\nand a\ttab",
    "%s %(x)s {0} {{x}} ${x} \\n '; drop table x; --",
)


def test_row_66_what_people_write_comes_back_the_same(
    casey: httpx.Client, made_up: MadeUp, subtests: pytest.Subtests
) -> None:
    for number, text in enumerate(READABLE):
        with subtests.test(text):
            times = {
                "started_at": f"2026-11-12T13:{number:02}:00Z",
                "ended_at": f"2026-11-12T13:{number:02}:30Z",
            }
            answer = casey.post("/api/v1/time-entries", json=entry(made_up, note=text, **times))
            assert answer.status_code == 201, answer.text
            assert answer.json()["note"] == text
    page = casey.get("/time").text
    assert "<b>&amp;</b>" not in page  # shown as text, not as bold
    assert "&lt;b&gt;" in page
    assert "شكراً، نور" in page


# Rows 67 and 68


def test_row_67_the_same_key_with_the_same_body_logs_once(
    casey: httpx.Client, made_up: MadeUp, connect: Connect
) -> None:
    headers = {"Idempotency-Key": "4bf2c1-a"}
    answers = [
        casey.post("/api/v1/time-entries", json=entry(made_up), headers=headers) for _ in range(3)
    ]
    assert [answer.status_code for answer in answers] == [201] * 3
    assert len({answer.text for answer in answers}) == 1
    with connect("postgres") as connection:
        found = connection.execute(
            "select count(*) from ccm.time_entry where started_at = '2026-11-12T15:00:00Z'"
        ).fetchone()
    assert found == (1,)


def test_row_67_the_same_key_with_another_body_is_a_conflict(
    casey: httpx.Client, sign_in: SignIn, made_up: MadeUp
) -> None:
    headers = {"Idempotency-Key": "4bf2c1-b"}
    casey.post("/api/v1/time-entries", json=entry(made_up), headers=headers)
    answer = casey.post("/api/v1/time-entries", json=entry(made_up, note="o"), headers=headers)
    assert is_problem(answer, 409)["reason"] == "key_used"
    # A key is one person's: a colleague's is another one.
    other = sign_in("robin").post(
        "/api/v1/time-entries", json=entry(made_up, note="o"), headers=headers
    )
    assert other.status_code == 201, other.text


def test_row_67_a_key_of_a_refused_request_is_free_and_an_old_one_is_forgotten(
    casey: httpx.Client, made_up: MadeUp, connect: Connect
) -> None:
    headers = {"Idempotency-Key": "4bf2c1-c"}
    refused = casey.post(
        "/api/v1/time-entries",
        json=entry(made_up, ended_at="2027-01-01T00:00:00Z"),
        headers=headers,
    )
    assert refused.status_code == 422
    assert (
        casey.post("/api/v1/time-entries", json=entry(made_up), headers=headers).status_code == 201
    )
    with connect("postgres") as connection:
        connection.execute("update ccm.repeated_request set made_at = made_at - interval '2 days'")
    later = entry(made_up, started_at="2026-11-12T14:00:00Z", ended_at="2026-11-12T14:10:00Z")
    assert casey.post("/api/v1/time-entries", json=later, headers=headers).status_code == 201


def test_row_67_a_key_that_is_none_is_refused(
    casey: httpx.Client, made_up: MadeUp, subtests: pytest.Subtests
) -> None:
    for key in ["", "x" * 65, "a b", "ä", "a'b"]:
        with subtests.test(key):
            headers = {"Idempotency-Key": key.encode()}
            answer = casey.post("/api/v1/time-entries", json=entry(made_up), headers=headers)
            assert set(is_problem(answer, 422)["fields"]) == {"idempotency_key"}


def test_row_68_a_change_names_the_version_that_was_looked_at(casey: httpx.Client) -> None:
    address = claim_address(casey)
    assert set(is_problem(casey.post(address, json={}), 422)["fields"]) == {"row_version"}
    assert casey.post(address, json={"row_version": 1}).status_code == 200
    stale = {"row_version": 1, "disposition": "not_reached", "note": "n"}
    answer = casey.post(address.replace("/claim", "/complete"), json=stale)
    assert is_problem(answer, 409)["reason"] == "stale_task"


# Rows 69 and 70

INTERVALS = {
    "ends before it starts": ("15:00", "14:59", "ends_before_start"),
    "no second": ("15:00", "15:00", "ends_before_start"),
    "in the future": ("15:00", "16:00", "in_the_future"),
}


def test_row_69_time_that_cannot_have_been_worked_is_refused_by_name(
    casey: httpx.Client, made_up: MadeUp, subtests: pytest.Subtests
) -> None:
    for case, (start, end, reason) in INTERVALS.items():
        with subtests.test(case):
            times = {
                "started_at": f"2026-11-12T{start}:00Z",
                "ended_at": f"2026-11-12T{end}:00Z",
            }
            answer = casey.post("/api/v1/time-entries", json=entry(made_up, **times))
            assert is_problem(answer, 422)["reason"] == reason
    with subtests.test("thirty hours"):
        long = entry(made_up, started_at="2026-11-11T09:00:00Z")
        answer = casey.post("/api/v1/time-entries", json=long)
        assert is_problem(answer, 422)["reason"] == "too_long"
    with subtests.test("overlapping"):
        assert casey.post("/api/v1/time-entries", json=entry(made_up)).status_code == 201
        answer = casey.post("/api/v1/time-entries", json=entry(made_up, note="again"))
        assert is_problem(answer, 422)["reason"] == "overlapping_time"


LIMITS = {
    "above the urgent one": ("190", "contradicts"),
    "below the low one": ("85", "contradicts"),
    "kPa for mmHg": ("18.6", "lies between"),
    "absurd": ("1999", "lies between"),
    "no number": ("high", "Write a number"),
    "NaN": ("nan", "Write a number"),
    "infinite": ("1e400", "Write a number"),
    "negative": ("-140", "Write a number"),
    "other digits": ("١٤٠", "Write a number"),
}


def test_row_70_a_limit_that_makes_no_sense_is_refused(
    casey: httpx.Client, made_up: MadeUp, connect: Connect, subtests: pytest.Subtests
) -> None:
    address = f"/patients/{made_up.patients['noor']}"
    before = _rule_count(connect)
    for case, (limit, words) in LIMITS.items():
        with subtests.test(case):
            form = {
                "question": "systolic-high/clinical",
                "limit": limit,
                "reason": "r",
            }
            answer = casey.post(f"{address}/rules", data=form)
            assert answer.status_code == 422
            assert words in answer.text
    assert _rule_count(connect) == before


def _rule_count(connect: Connect) -> int:
    with connect("postgres") as connection:
        row = connection.execute("select count(*) from alerts.rule").fetchone()
    assert row is not None
    return int(row[0])


# Row 71

COOKIES = {
    "garbage": "homevitals=garbage",
    "empty": "homevitals=",
    "8 kB": "homevitals=" + "x" * 8_000,
    "bytes": "homevitals=\xff\xfe",
    "quoted": 'homevitals="a; b"',
}


def test_row_71_a_cookie_that_is_no_session_is_refused_and_cleared(
    visitor: Visitor, subtests: pytest.Subtests
) -> None:
    for case, cookie in COOKIES.items():
        with subtests.test(case):
            browser = visitor()
            headers = {"cookie": cookie.encode("latin-1")}
            answer = browser.get("/api/v1/worklist", headers=headers)
            is_problem(answer, 401)
            assert 'homevitals=""' in answer.headers["set-cookie"]
            page = browser.get("/worklist", headers=headers)
            assert (page.status_code, page.headers["location"][:8]) == (303, "/sign-in")
            assert 'homevitals=""' in page.headers["set-cookie"]


def test_row_71_a_second_session_cookie_ends_the_first(casey: httpx.Client) -> None:
    token = casey.cookies["homevitals"]
    for cookie in (
        f"homevitals={token}; homevitals=planted",
        f"homevitals=x; homevitals={token}",
    ):
        with httpx.Client(base_url=casey.base_url, headers=SAME_ORIGIN) as browser:
            answer = browser.get("/api/v1/worklist", headers={"cookie": cookie})
            is_problem(answer, 401)
            assert 'homevitals=""' in answer.headers["set-cookie"]


def test_row_71_a_head_without_an_end_is_refused(wire: Wire) -> None:
    got = wire(head("GET", "/healthz", "Cookie: homevitals=" + "x" * security.MAX_HEAD_BYTES))
    assert got.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 431 "))
    assert b"xxxx" not in got


# Row 72


def test_row_72_an_unknown_host_is_refused(wire: Wire, subtests: pytest.Subtests) -> None:
    for host in [
        "evil.example",
        "127.0.0.1.evil.example",
        "evil.example:80@127.0.0.1",
        "127.0.0.1, x",
    ]:
        with subtests.test(host):
            got = wire(head("GET", "/healthz", "Connection: close", host=host))
            assert got.startswith(b"HTTP/1.1 400 ")
            assert b"evil" not in got


def test_row_72_two_hosts_are_refused(wire: Wire, subtests: pytest.Subtests) -> None:
    for lines in [["Host: evil.example"], ["Host: 127.0.0.1"]]:
        with subtests.test(str(lines)):
            assert wire(head("GET", "/healthz", "Connection: close", *lines)).startswith(
                b"HTTP/1.1 400 "
            )


def test_row_72_an_address_for_a_proxy_is_refused(wire: Wire, subtests: pytest.Subtests) -> None:
    for target in [
        "http://127.0.0.1/healthz",
        "http://evil.example/healthz",
        "evil.example:443",
        "*",
    ]:
        with subtests.test(target):
            got = wire(head("GET", target, "Connection: close"))
            assert got.startswith(b"HTTP/1.1 400 ")
            assert b"evil" not in got


def test_row_72_what_a_browser_says_of_itself_is_not_believed(
    visitor: Visitor, connect: Connect
) -> None:
    forged = {
        "x-forwarded-for": "203.0.113.9",
        "x-forwarded-host": "evil.example",
        "x-forwarded-proto": "https",
        "x-forwarded-prefix": "/evil",
        "x-real-ip": "203.0.113.9",
        "x-original-url": "/patients",
        "x-rewrite-url": "/patients",
        "forwarded": "for=203.0.113.9;host=evil.example;proto=https",
    }
    browser = visitor()
    answer = browser.get("/worklist", headers=forged)
    assert answer.headers["location"] == "/sign-in?going_to=/worklist"
    assert "strict-transport-security" not in answer.headers
    typed = {"sign_in_name": "casey@millbrook", "password": "wrong"}
    assert browser.post("/sign-in", data=typed, headers=forged).status_code == 401
    with connect("postgres") as connection:
        found = connection.execute("select event::text from ingest.audit_event event").fetchall()
    assert found
    assert not [row for row in found if "203.0.113.9" in row[0]]


# Row 73


def test_row_73_a_thousand_ranges_cost_no_more_than_none(casey: httpx.Client) -> None:
    plain = casey.get("/static/console.css")
    ranges = "bytes=" + ",".join(f"{start}-" for start in range(1_000))
    answer = casey.get("/static/console.css", headers={"range": ranges})
    assert (answer.status_code, answer.content) == (200, plain.content)


def test_row_73_nothing_takes_multipart(
    casey: httpx.Client, console: Console, connect: Connect, made_up: MadeUp
) -> None:
    parts = b"".join(
        b'--b\r\nContent-Disposition: form-data; name="n"\r\n\r\nx\r\n' for _ in range(99)
    )
    headers = {"content-type": "multipart/form-data; boundary=b"}
    for method, address in changing_routes(console.app, connect, made_up):
        if method == "POST" and address != "/sign-out":
            answer = casey.post(address, content=parts + b"--b--\r\n", headers=headers)
            assert answer.status_code in {403, 404, 415}, address
    # No route declares a file or a form that the framework would parse.
    for route in api_routes(console.app):
        assert route.body_field is None or "Form" not in type(route.body_field.field_info).__name__


# Row 74


def test_row_74_a_method_is_what_the_first_line_says(
    casey: httpx.Client, subtests: pytest.Subtests
) -> None:
    for name in ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"]:
        with subtests.test(name):
            answer = casey.post("/api/v1/session", json={}, headers={name: "DELETE"})
            is_problem(answer, 405)
            assert casey.get("/worklist", headers={name: "POST"}).status_code == 405
            assert casey.get("/worklist").status_code == 200


def test_row_74_methods_that_nobody_may_use_are_refused(
    casey: httpx.Client, subtests: pytest.Subtests
) -> None:
    for method in ["TRACE", "TRACK", "CONNECT", "DEBUG", "PROPFIND"]:
        with subtests.test(method):
            answer = casey.request(method, "/worklist", headers={"x-secret": "sentinel"})
            assert answer.status_code == 405
            assert "sentinel" not in answer.text


# Row 75


def test_row_75_there_is_no_socket(console: Console, wire: Wire) -> None:
    assert not [
        context.original_route
        for context in iter_route_contexts(console.app.routes)
        if isinstance(context.original_route, WebSocketRoute)
    ]
    got = wire(
        head(
            "GET",
            "/worklist",
            "Origin: https://evil.example",
            "Connection: Upgrade, close",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        )
    )
    assert got.startswith(b"HTTP/1.1 303 ")


def test_row_75_a_foreign_page_opens_no_stream_and_nobody_many(casey: httpx.Client) -> None:
    for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
        is_problem(casey.get("/api/v1/readings/stream?seconds=1", headers=headers), 403)
    with ExitStack() as stack:
        for _ in range(arrival_watch.MOST_OF_A_PERSON):
            answer = stack.enter_context(casey.stream("GET", "/api/v1/readings/stream?seconds=9"))
            assert answer.status_code == 200
        refused = is_problem(casey.get("/api/v1/readings/stream?seconds=1"), 429)
        assert refused["reason"] == "too_many_streams"
    assert arrival_watch.MOST_OF_A_PROCESS < connections.MOST_CONNECTIONS


def test_row_75_idle_connections_are_bounded(wire: Wire) -> None:
    assert connections.MOST_CONNECTIONS <= 1024
    began_s = time.monotonic()
    # Kept alive, and closed by the server once nothing more comes.
    assert wire(head("GET", "/healthz")).startswith(b"HTTP/1.1 200 ")
    assert time.monotonic() - began_s < 10


# Row 76


def test_row_76_a_language_that_is_none_changes_nothing(
    visitor: Visitor, subtests: pytest.Subtests
) -> None:
    for garbage in ["xx-YY;q=9", "*" * 2_000, "../../etc/passwd", "de;q=nan,,;=", "\x80\xff"]:
        with subtests.test(garbage):
            browser = visitor()
            names = (
                "accept-language",
                "accept",
                "accept-charset",
                "time-zone",
                "x-timezone",
                "accept-encoding",
            )
            answer = browser.get(
                "/sign-in", headers=dict.fromkeys(names, garbage.encode("latin-1"))
            )
            assert answer.status_code == 200
            assert answer.text == browser.get("/sign-in").text


def test_row_76_a_month_that_is_none_is_refused(
    casey: httpx.Client, subtests: pytest.Subtests
) -> None:
    for month in ["2026-13", "2026-00", "0000-01", "26-1", "2026-11-12", "%00", "٢٠٢٦-١١"]:
        with subtests.test(month):
            assert casey.get(f"/time?month={month}").status_code == 422


def test_every_refusal_of_a_program_is_a_problem_document(casey: httpx.Client) -> None:
    for answer in (
        casey.get("/api/v1/nothing"),
        casey.put("/api/v1/worklist"),
        casey.post("/enrol/v1/claim", content=b"{", headers=JSON),
        casey.get("/enrol/v1/claim"),
    ):
        assert 400 <= answer.status_code < 500
        assert answer.headers["content-type"] == "application/problem+json"
        assert set(KEYS) <= set(json.loads(answer.text))
