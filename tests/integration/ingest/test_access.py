"""Restrictions, care teams and emergency access in the store, with the rights of the console."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from ingest import access, tenancy
from ingest.access import Verdict, Why
from ingest.errors import AccessReason, AccessRefused
from tests.made_up_practice import NOW, Connect, MadeUp

pytestmark = [pytest.mark.db, pytest.mark.parametrize("database", ["partitions"], indirect=True)]
Work = Callable[..., Any]
LATER = NOW + timedelta(minutes=1)


class Practice:
    """The made-up practice, with transactions of its members of staff."""

    def __init__(self, connect: Connect, made_up: MadeUp) -> None:
        self.connect, self.made_up = connect, made_up
        self.practice_id, self.staff = made_up.practice_id, made_up.staff
        self.patient_id = made_up.patients["amalia"]

    @contextmanager
    def work_of(self, name: str, at: Any = NOW) -> Iterator[psycopg.Cursor[Any]]:
        with self.connect("homevitals_console") as connection, connection.cursor() as cur:
            scope = tenancy.Scope((self.practice_id,), staff_id=self.staff[name], at=at)
            tenancy.enter(cur, scope)
            yield cur

    def restrict(self, *team: str, by: str = "petra") -> None:
        with self.work_of(by) as cur:
            access.restrict(
                cur,
                self.practice_id,
                self.patient_id,
                team=[self.staff[name] for name in team],
                reason="A colleague",
                by=self.staff[by],
                at=NOW,
            )

    def sees(self, name: str, at: Any = NOW) -> bool:
        with self.work_of(name, at) as cur:
            return not access.is_hidden(cur, self.patient_id)

    def grant(self, name: str, at: Any = NOW) -> access.Grant:
        with self.work_of(name, at) as cur:
            return access.grant(
                cur,
                self.practice_id,
                self.patient_id,
                staff_id=self.staff[name],
                reason=Why.COVER,
                explanation="On call.",
                at=at,
            )


@pytest.fixture
def practice(connect: Connect, made_up: MadeUp) -> Practice:
    return Practice(connect, made_up)


def test_a_restriction_leaves_the_record_to_the_care_team(practice: Practice) -> None:
    assert practice.sees("casey")
    practice.restrict("dana", "robin")
    assert [practice.sees(name) for name in ("dana", "robin", "casey", "petra")] == [
        True,
        True,
        False,
        False,
    ]
    with practice.work_of("casey") as cur:
        (hidden,) = access.hidden_records(cur, practice.practice_id)
        assert (hidden.patient_id, hidden.record_number) == (practice.patient_id, "MFP-100482")
        (one,) = access.restrictions(cur, practice.practice_id)
        assert (one.is_hidden, one.restricted_by_name) == (True, "Petra Nowak")
        team = access.care_team(cur, practice.practice_id, practice.patient_id)
        assert [member.display_name for member in team] == ["Dana Achterberg", "Robin O’Hara"]
    with practice.work_of("dana") as cur:
        assert access.hidden_records(cur, practice.practice_id) == []
    with practice.work_of("petra", LATER) as cur:
        access.end_restriction(cur, practice.practice_id, practice.patient_id, LATER)
    assert practice.sees("casey")


def _again(practice: Practice) -> None:
    practice.restrict("dana")
    practice.restrict("dana")


def _end_of_none(practice: Practice) -> None:
    with practice.work_of("petra") as cur:
        access.end_restriction(cur, practice.practice_id, practice.patient_id, NOW)


def _last_leaves(practice: Practice) -> None:
    practice.restrict("dana")
    with practice.work_of("petra") as cur:
        access.leave_care_team(
            cur, practice.practice_id, practice.patient_id, practice.staff["dana"], LATER
        )


def _join(practice: Practice, staff_id: UUID, by: str = "petra") -> None:
    practice.restrict("dana")
    with practice.work_of(by) as cur:
        access.join_care_team(
            cur,
            practice.practice_id,
            practice.patient_id,
            staff_id,
            by=practice.staff[by],
            at=LATER,
        )


def _review_twice(practice: Practice) -> None:
    practice.restrict("dana")
    grant = practice.grant("casey")
    for _ in range(2):
        _review(practice, grant.grant_id, "petra")


def _review(practice: Practice, grant_id: UUID, by: str) -> None:
    with practice.work_of(by) as cur:
        access.review(
            cur,
            practice.practice_id,
            grant_id,
            verdict=Verdict.JUSTIFIED,
            note="Known.",
            by=practice.staff[by],
            at=LATER,
        )


def _review_of_ones_own(practice: Practice) -> None:
    practice.restrict("dana")
    _review(practice, practice.grant("casey").grant_id, "casey")


@pytest.mark.parametrize(
    ("deed", "reason"),
    [
        pytest.param(_again, AccessReason.RESTRICTED_ALREADY, id="twice"),
        pytest.param(lambda p: p.restrict(), AccessReason.NO_CARE_TEAM, id="nobody left"),
        pytest.param(lambda p: p.restrict("ozzie"), AccessReason.NO_CANDIDATE, id="not clinical"),
        pytest.param(_end_of_none, AccessReason.NOT_RESTRICTED, id="end of none"),
        pytest.param(_last_leaves, AccessReason.LAST_MEMBER, id="the last leaves"),
        pytest.param(
            lambda p: _join(p, p.staff["dana"]), AccessReason.NO_CANDIDATE, id="a member joins"
        ),
        pytest.param(
            lambda p: _join(p, p.staff["casey"], "casey"), AccessReason.ONESELF, id="oneself"
        ),
        pytest.param(lambda p: _join(p, uuid4()), AccessReason.NO_CANDIDATE, id="nobody joins"),
        pytest.param(lambda p: p.grant("casey"), AccessReason.NOT_HIDDEN, id="nothing hides"),
        pytest.param(_review_twice, AccessReason.NOT_TO_REVIEW, id="reviewed twice"),
        pytest.param(_review_of_ones_own, AccessReason.NOT_TO_REVIEW, id="one's own"),
    ],
)
def test_what_cannot_be_is_refused_by_name_and_changes_nothing(
    practice: Practice, deed: Work, reason: AccessReason
) -> None:
    with pytest.raises(AccessRefused) as refused:
        deed(practice)
    assert refused.value.reason is reason


def test_a_grant_is_one_persons_for_an_hour_and_is_not_prolonged_but_asked_for_again(
    practice: Practice,
) -> None:
    practice.restrict("dana")
    grant = practice.grant("casey")
    assert grant.expires_at == NOW + timedelta(minutes=60)
    end = NOW + timedelta(minutes=60)
    assert practice.sees("casey", end - timedelta(seconds=1))
    assert not practice.sees("casey", end)
    assert not practice.sees("robin", NOW)
    second = practice.grant("casey", end + timedelta(minutes=5))
    assert second.grant_id != grant.grant_id
    with practice.work_of("casey", second.granted_at) as cur:
        in_force = access.grants_in_force(
            cur, practice.practice_id, practice.staff["casey"], second.granted_at
        )
    assert in_force == [second]


def test_who_joins_the_care_team_sees_the_patient_by_that_and_no_longer_by_the_grant(
    practice: Practice,
) -> None:
    practice.restrict("dana")
    practice.grant("casey")
    with practice.work_of("petra", LATER) as cur:
        access.join_care_team(
            cur,
            practice.practice_id,
            practice.patient_id,
            practice.staff["casey"],
            by=practice.staff["petra"],
            at=LATER,
        )
    with practice.work_of("casey", LATER) as cur:
        staff_id = practice.staff["casey"]
        assert access.grants_in_force(cur, practice.practice_id, staff_id, LATER) == []
        assert not access.is_hidden(cur, practice.patient_id)


def test_what_waits_for_a_review_comes_first_and_counts_as_overdue_after_three_days(
    practice: Practice,
) -> None:
    practice.restrict("dana")
    first, second = practice.grant("casey"), practice.grant("robin", LATER)
    _review(practice, first.grant_id, "petra")
    with practice.work_of("petra") as cur:
        found = access.emergency_accesses(cur, practice.practice_id, 10)
        assert [one.grant_id for one in found] == [second.grant_id, first.grant_id]
        assert (found[0].record_number, found[0].staff_name) == ("MFP-100482", "Robin O’Hara")
        assert (found[1].verdict, found[1].reviewed_by_name) == (Verdict.JUSTIFIED, "Petra Nowak")
        on_time, late = LATER + timedelta(days=3), LATER + timedelta(days=3, seconds=1)
        assert access.unreviewed(cur, practice.practice_id, on_time) == (1, 0)
        assert access.unreviewed(cur, practice.practice_id, late) == (1, 1)


def test_the_exact_name_finds_a_hidden_record_and_only_one_that_is_hidden(
    practice: Practice,
) -> None:
    practice.restrict("dana")
    for name, typed, found in (
        ("casey", "amalia thornquist", [practice.patient_id]),
        ("casey", "MFP-100482", [practice.patient_id]),
        ("casey", "amalia", []),
        ("casey", "Bertram Oyelaran", []),
        ("dana", "amalia thornquist", []),
    ):
        with practice.work_of(name) as cur:
            assert access.find_hidden(cur, practice.practice_id, typed) == found


def test_candidates_for_a_care_team_are_clinical_and_not_disabled(
    practice: Practice, connect: Connect
) -> None:
    with connect("postgres") as connection:
        connection.execute(
            "update ingest.staff set disabled_at = now() where sign_in_name = 'robin'"
        )
    with practice.work_of("petra") as cur:
        found = access.clinical_staff(cur, practice.practice_id)
    assert [one.display_name for one in found] == ["Casey Lindqvist", "Dana Achterberg"]


def test_a_function_that_looks_behind_the_wall_leaves_the_wall_standing(
    practice: Practice,
) -> None:
    practice.restrict("dana")
    with practice.work_of("casey") as cur:
        assert access.hidden_records(cur, practice.practice_id)
        cur.execute(
            "select count(*) from ingest.patient where patient_id = %s", (practice.patient_id,)
        )
        assert cur.fetchone() == (0,)
