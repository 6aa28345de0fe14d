"""A practice's month as the billing rules ask about programs: who was in which, on what grounds, what stands beside.

For many patients at once, in a handful of statements, however many there are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from ccm_link import local_days, store
from ccm_link.billing import periods
from ccm_link.billing.facts import Beside, By, InProgram
from ccm_link.month import Month
from ccm_link.plan import care_plan
from ccm_link.program import requirements
from ccm_link.program.practitioner_visits import Kind, Visit
from ccm_link.program.requirements import Known
from ingest import named_queries, people

_Q: Final = named_queries.load("ccm_link.claim", "programs")


@dataclass(frozen=True, slots=True)
class Billed:
    """Somebody bills an enrolment from an instant on (aware)."""

    practitioner_id: UUID
    from_at: datetime


@dataclass(frozen=True, slots=True)
class Agreed:
    """A consent, as far as the month asks. Instants are aware, the day is the practice's."""

    practitioner_id: UUID | None
    documented_at: datetime
    documented_on: date
    superseded_at: datetime | None
    revoked_at: datetime | None


def in_programs(
    cur: store.Cursor, practice_id: UUID, patient_ids: Collection[UUID] | None, month: Month
) -> Mapping[UUID, tuple[InProgram, ...]]:
    """Return who was in which programs in a month, with consents and what is attested; who was in none is left out.

    An enrolment that got another practitioner stands there twice, once for each: a consent is for one of them.

    Args:
        cur: In a transaction that works for the practice.
        practice_id: Whose.
        patient_ids: Which; None: all of the practice.
        month: The practice's calendar month.
    """
    parameters = _parameters(practice_id, patient_ids, month)
    of_patients = known(cur, practice_id, patient_ids, month)
    found: dict[UUID, list[InProgram]] = defaultdict(list)
    for patient_id, program, opened_at, ended_at, agreed, billed in store.tuples(
        cur, _Q.enrolments_of_month, **parameters
    ):
        consents = [_agreed(one) for one in agreed or ()]
        stretches = [
            Billed(UUID(one["staff_id"]), datetime.fromisoformat(one["from_at"]))
            for one in billed or ()
        ]
        began_at = min([opened_at, *(one.documented_at for one in consents)])
        found[patient_id] += by_practitioner(
            program,
            began_at,
            ended_at,
            consents,
            stretches,
            of_patients.get(patient_id, of_patients.get(None)),
            month,
        )
    return {patient_id: tuple(held) for patient_id, held in found.items()}


def beside(
    cur: store.Cursor, practice_id: UUID, patient_ids: Collection[UUID] | None, month: Month
) -> Mapping[UUID, tuple[Beside, ...]]:
    """Return what else is known to be billed or agreed on in a month; of whom nothing is known is left out.

    Arguments as of :func:`in_programs`.
    """
    found: dict[UUID, list[Beside]] = defaultdict(list)
    for patient_id, what, by_whom in store.tuples(
        cur, _Q.beside_of_month, **_parameters(practice_id, patient_ids, month)
    ):
        found[patient_id].append(Beside(what=what, by=By(by_whom)))
    return {patient_id: tuple(held) for patient_id, held in found.items()}


def known(
    cur: store.Cursor, practice_id: UUID, patient_ids: Collection[UUID] | None, month: Month
) -> Mapping[UUID | None, Known]:
    """Return what is known of requirements in a month, of each patient of whom something is; of the others under None.

    Arguments as of :func:`in_programs`.
    """
    parameters = _parameters(practice_id, patient_ids, month)
    practice = people.practice(cur, practice_id)
    zone = ZoneInfo(practice.time_zone if practice else "UTC")
    # The last instant of the month: what was so until then.
    ends_at = local_days.Days(month.first_on, periods.last_day_of(month), zone).until_at
    at = {**parameters, "at": ends_at - timedelta(microseconds=1)}
    attested: dict[UUID | None, dict[str, bool]] = defaultdict(dict)
    for patient_id, requirement, is_met in store.tuples(cur, _Q.attested_of_month, **parameters):
        attested[patient_id][requirement] = is_met
    visits: dict[UUID, list[Visit]] = defaultdict(list)
    for patient_id, practitioner_id, visited_on, kind, was_discussed in store.tuples(
        cur, _Q.visits, **parameters
    ):
        visits[patient_id].append(
            Visit(
                practitioner_id=practitioner_id,
                visited_on=visited_on,
                kind=Kind(kind),
                was_discussed=was_discussed,
            )
        )
    managed = {row[0] for row in store.tuples(cur, _Q.with_care_manager, **at)}
    set_up = {row[0] for row in store.tuples(cur, _Q.with_set_up, **at)}
    plans = care_plan.heads(cur, practice_id, patient_ids, at["at"])
    of_practice = attested.pop(None, {})
    return {
        patient_id: Known(
            attested=attested.get(patient_id, {}),
            of_practice=of_practice,
            visits=tuple(visits.get(patient_id, ())),
            has_care_manager=patient_id in managed,
            has_plan=patient_id in plans,
            is_plan_shared=patient_id in plans and plans[patient_id].shared_at is not None,
            is_set_up=patient_id in set_up,
        )
        for patient_id in {None, *attested, *visits, *managed, *set_up, *plans}
    }


def by_practitioner(
    program: str,
    began_at: datetime,
    ended_at: datetime | None,
    consents: Sequence[Agreed],
    billed: Sequence[Billed],
    of_patient: Known | None,
    month: Month,
) -> Iterable[InProgram]:
    """Yield an enrolment once for each practitioner who billed it, with the consent that is for that one. Pure.

    Args:
        program: Its name.
        began_at: When it began, aware.
        ended_at: When it was over; None: it goes on.
        consents: All of it, oldest first.
        billed: Who billed from when on, oldest first; the first one did from the beginning. Empty: not known who.
        of_patient: What is known of requirements.
        month: Without a consent, a program could begin on its last day.
    """
    begins = [began_at, *(one.from_at for one in billed[1:])]
    ends: list[datetime | None] = [*begins[1:], ended_at]
    whose: list[UUID | None] = [*(one.practitioner_id for one in billed)] or [None]
    for practitioner_id, from_at, until_at in zip(whose, begins, ends, strict=True):
        agreed = next(
            (
                one
                for one in consents
                if one.practitioner_id in {None, practitioner_id}
                and (one.superseded_at is None or one.superseded_at > from_at)
                and (until_at is None or one.documented_at < until_at)
            ),
            None,
        )
        start_on = agreed.documented_on if agreed else periods.last_day_of(month)
        yield InProgram(
            program=program,
            practitioner_id=practitioner_id,
            enrolled_at=from_at,
            ended_at=until_at,
            consent_documented_at=agreed.documented_at if agreed else None,
            consent_revoked_at=agreed.revoked_at if agreed else None,
            attested=requirements.attested(
                of_patient or requirements.NOTHING,
                practitioner_id=practitioner_id,
                start_on=start_on,
            ),
        )


def _agreed(one: Mapping[str, Any]) -> Agreed:
    return Agreed(
        UUID(one["practitioner_id"]) if one["practitioner_id"] else None,
        datetime.fromisoformat(one["documented_at"]),
        date.fromisoformat(one["documented_on"]),
        _instant(one["superseded_at"]),
        _instant(one["revoked_at"]),
    )


def _instant(written: str | None) -> datetime | None:
    return datetime.fromisoformat(written).astimezone(UTC) if written else None


def _parameters(
    practice_id: UUID, patient_ids: Collection[UUID] | None, month: Month
) -> dict[str, Any]:
    return {
        "practice_id": practice_id,
        "patient_ids": None if patient_ids is None else list(patient_ids),
        "first_on": month.first_on,
        "last_on": periods.last_day_of(month),
    }
