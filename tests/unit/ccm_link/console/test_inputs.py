"""What may be posted, as a form and as JSON: the same models say no in both."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from ccm_link.console.posted import (
    forms,
    input_types,
    inputs,
    rule_inputs,
    task_inputs,
    time_inputs,
)

SENTINEL = "zQ7-sentinel"
NEW_YORK = ZoneInfo("America/New_York")


def complaints(model: Any, **fields: Any) -> dict[str, str]:
    try:
        model.model_validate(fields)
    except ValidationError as error:
        return forms.complaints(error.errors(include_url=False, include_input=False))
    return {}


COMPLETE = {"row_version": 1, "disposition": "reached_advised", "note": "Called."}


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        pytest.param({"row_version": "1_0"}, "row_version", id="digits with underscore"),
        pytest.param({"row_version": "+5"}, "row_version", id="plus sign"),
        pytest.param({"row_version": 1.0}, "row_version", id="float"),
        pytest.param({"row_version": True}, "row_version", id="truth value"),
        pytest.param({"row_version": 0}, "row_version", id="zero"),
        pytest.param({"row_version": 2**31}, "row_version", id="beyond the column"),
        pytest.param({"row_version": float("nan")}, "row_version", id="not a number"),
        pytest.param({"disposition": "closed"}, "disposition", id="not in the list"),
        pytest.param({"disposition": None}, "disposition", id="null"),
        pytest.param({"note": ""}, "note", id="no note"),
        pytest.param({"note": " \n\t "}, "note", id="blank note"),
        pytest.param({"note": "x" * 4_001}, "note", id="long note"),
        pytest.param({"note": "a\x00b"}, "note", id="null character"),
        pytest.param({"note": "a\x1b[31mb"}, "note", id="escape sequence"),
        pytest.param({"note": "abc\u202edef"}, "note", id="right-to-left override"),
        pytest.param({"note": "abc\u2066def"}, "note", id="isolate"),
        pytest.param({"note": "a\ud800b"}, "note", id="lone surrogate"),
        pytest.param({"note": ["a"]}, "note", id="list"),
        pytest.param({"practice_id": SENTINEL}, "practice_id", id="field that is not ours to send"),
    ],
)
def test_a_completion_that_cannot_be_used_names_the_field(
    changed: dict[str, Any], field: str
) -> None:
    found = complaints(task_inputs.CompleteTask, **(COMPLETE | changed))
    assert set(found) == {field}
    assert SENTINEL not in str(found)


@pytest.mark.parametrize(
    "note",
    [
        pytest.param("Zoë’s daughter: “não”", id="accents and quotes"),
        pytest.param("د. نور: القياس جيد", id="right to left"),
        pytest.param("👩🏽‍⚕️ called 🙂", id="emoji with joiners"),
        pytest.param("e\u0301 combining", id="combining mark"),
        pytest.param("line one\r\nline two\tend", id="line break and tab"),
        pytest.param("'; drop table ccm.task; --", id="quotes that mean nothing here"),
        pytest.param("x" * 4_000, id="as long as allowed"),
    ],
)
def test_notes_in_any_script_are_kept(note: str) -> None:
    given_note = task_inputs.CompleteTask.model_validate(COMPLETE | {"note": note}).note
    assert given_note == note.replace("\r\n", "\n")


ENTRY = {
    "patient_id": "0c4ae7a2-8f43-4a9b-9d5e-5f1b2c3d4e5f",
    "started_at": "2026-11-12T10:00:00Z",
    "ended_at": "2026-11-12T10:10:00Z",
    "activity": "phone_call",
    "note": "n",
    "reason": "r",
}


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        pytest.param({"started_at": "2026-11-12T10:00:00"}, "started_at", id="no zone"),
        pytest.param({"started_at": 1_793_664_000}, "started_at", id="number of seconds"),
        pytest.param({"started_at": "yesterday"}, "started_at", id="words"),
        pytest.param({"started_at": "0001-01-01T00:00:00+14:00"}, "started_at", id="first year"),
        pytest.param({"ended_at": "9999-12-31T23:59:59-14:00"}, "ended_at", id="last year"),
        pytest.param({"patient_id": "1"}, "patient_id", id="no identifier"),
        pytest.param({"activity": "nap"}, "activity", id="not in the list"),
        pytest.param({"reason": ""}, "reason", id="no reason"),
    ],
)
def test_a_time_entry_that_cannot_be_used_names_the_field(
    changed: dict[str, Any], field: str
) -> None:
    assert set(complaints(time_inputs.TimeEntry, **(ENTRY | changed))) == {field}


@pytest.mark.parametrize(
    "limit",
    ["nan", "inf", "-5", "1e3", "1_0", "+5", "160,5", "2000", "0", "160.555", "٣"],
)
def test_a_limit_that_is_no_plain_number_is_refused(limit: str) -> None:
    fields = {"question": "systolic-high/urgent", "limit": limit, "reason": "r"}
    given_limit, found = forms.check(rule_inputs.SetLimit, fields)
    assert given_limit is None
    assert set(found) == {"limit"}


QUERY = {"kind": "glucose", "from": "2026-11-01T00:00:00Z", "to": "2026-11-08T00:00:00Z"}


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        pytest.param({"to": QUERY["from"]}, "form", id="empty span"),
        pytest.param({"to": "2026-10-01T00:00:00Z"}, "form", id="backwards"),
        pytest.param({"to": "2099-11-01T00:00:00Z"}, "form", id="decades"),
        pytest.param({"from": "2026-11-01T00:00:00"}, "from", id="no zone"),
        pytest.param({"kind": "weight; drop"}, "kind", id="unknown kind"),
        pytest.param({"limit": "-1"}, "limit", id="unknown parameter"),
    ],
)
def test_a_query_for_readings_that_cannot_be_used_names_the_parameter(
    changed: dict[str, str], field: str
) -> None:
    assert set(complaints(inputs.ReadingsQuery, **(QUERY | changed))) == {field}
    assert complaints(inputs.ReadingsQuery, **QUERY) == {}


def test_an_optional_field_left_empty_counts_as_not_sent() -> None:
    filled, found = forms.check(
        time_inputs.StopTimerForm, {"note": "n", "ended_on": "", "ended": " "}
    )
    assert found == {}
    assert filled == time_inputs.StopTimerForm(note="n")


def test_half_an_end_is_refused() -> None:
    _, found = forms.check(time_inputs.StopTimerForm, {"note": "n", "ended_on": "2026-11-12"})
    assert found == {"form": "Say both the day and the time of the end."}


@pytest.mark.parametrize(
    ("day", "wall", "expected"),
    [
        (date(2026, 11, 12), time(10, 42), datetime(2026, 11, 12, 15, 42, tzinfo=UTC)),
        # 2026-03-08, 02:00 to 03:00 did not exist in New York.
        (date(2026, 3, 8), time(2, 30), None),
        # 2026-11-01, 01:30 came twice; the first one was still summer time (UTC-4).
        (date(2026, 11, 1), time(1, 30), datetime(2026, 11, 1, 5, 30, tzinfo=UTC)),
    ],
    ids=["ordinary day", "skipped hour", "doubled hour"],
)
def test_wall_clock_time_becomes_an_instant(
    day: date, wall: time, expected: datetime | None
) -> None:
    assert input_types.local_instant(day, wall, NEW_YORK) == expected


@given(st.integers(1_577_836_800, 1_893_456_000))
@example(1_604_210_400)  # the second 01:00 of 2020-11-01
def test_a_time_that_clocks_showed_is_never_refused(epoch_s: int) -> None:
    at = datetime.fromtimestamp(epoch_s, UTC)
    shown = at.astimezone(NEW_YORK)
    found = input_types.local_instant(shown.date(), shown.time(), NEW_YORK)
    assert found is not None
    # In the doubled hour the first of the two is taken.
    assert at - found == timedelta(hours=shown.fold)
