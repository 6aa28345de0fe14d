"""What of a look or a change stands in the trail, and when it may be told."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from ccm_link.console import trail
from ccm_link.console.trail import Line, Trail
from ingest.audit import Action, Kind
from ingest.people import Role, SignedIn, SignedInBy

NOW = datetime(2026, 11, 12, tzinfo=UTC)


def a_trail() -> Trail:
    who = SignedIn(
        practice_id=uuid4(),
        role=Role.CARE_MANAGER,
        display_name="",
        staff_id=uuid4(),
        person_id=None,
        patient_id=None,
        session_mark="",
        signed_in_by=SignedInBy.PASSWORD,
        proved_at=NOW,
    )
    return Trail(who, "", NOW)


def test_a_line_outside_of_a_transaction_would_be_lost_and_is_refused() -> None:
    told = a_trail()
    with pytest.raises(RuntimeError):
        told.add(Line(Kind.READ, Action.READ, "task"))


def test_a_second_transaction_inside_the_first_is_refused() -> None:
    told = a_trail()
    told.begin()
    with pytest.raises(RuntimeError):
        told.begin()


def test_what_every_page_shows_around_its_content_is_no_excuse_for_the_contents_line() -> None:
    told = a_trail()
    told.begin()
    told.add_beside(Line(Kind.READ, Action.READ, "timer", patient_ids=(uuid4(),)))
    assert not told.tells_anything


def test_states_become_what_json_can_hold() -> None:
    one = UUID(int=7)
    state = {"id": one, "at": NOW, "limit": 150.0, "is": True, "none": None, "team": {one}}
    assert trail.plain(state) == {
        "id": str(one),
        "at": "2026-11-12T00:00:00+00:00",
        "limit": 150.0,
        "is": True,
        "none": None,
        "team": [str(one)],
    }
