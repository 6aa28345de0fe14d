"""One practice's share of a batch of evaluation work: what is loaded, asked and written for it.

The readings, rules and stored breaches of all its patients are loaded at once and the rules are asked about all of them
at once; what follows is written patient by patient, each in a savepoint of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar
from uuid import UUID

from alerts import confirmations, errors, history, store, windows
from alerts.assessment import Assessed, Assessment, RuleVersion, Waiting, assess
from alerts.breaches import Breach, Outcome, Silence
from alerts.care_side import CareSide
from alerts.confirmations import ConfirmationRequest
from alerts.episode import Episode
from alerts.history import WaitingReading
from alerts.reconcile import Reconciler, evaluation
from alerts.rule_set import is_about
from alerts.rules import Memberships, Rule
from firmware_profiles.readings import Kind
from ingest import standing
from ingest.evaluation_queue import JUDGED
from ingest.rows import EvaluationWork

Spans = dict[UUID, tuple[datetime, datetime]]
_One = TypeVar("_One")

# Work can change what was said of readings before its own; a rule that ended so long before is not asked.
_RULES_SINCE: Final = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class PatientShare:
    """What one patient's work comes to before it is written.

    Attributes:
        work: the patient's items.
        readings: the items' readings, whichever version, by id.
        assessed: the readings that were asked about, in event time.
        known: what is stored of their breaches, by reading and family.
        open_episodes: by family.
        revisions: the newest evaluation of each reading that has one.
        is_asked: whether the patient was asked to measure again.
        is_active: whether anybody is called about the patient at all.
    """

    patient_id: UUID
    work: Sequence[EvaluationWork]
    readings: Mapping[UUID, WaitingReading]
    assessed: Sequence[Assessed]
    known: Mapping[tuple[UUID, str], Breach]
    open_episodes: Mapping[str, Episode]
    revisions: Mapping[UUID, tuple[int, Outcome]]
    is_asked: bool
    is_active: bool

    @property
    def is_quiet(self) -> bool:
        """Tell whether nothing follows but that it is stored what the readings meant: so it is with most."""
        items = [self.readings.get(item.reading_id) for item in self.work]
        return not (
            self.known
            or self.open_episodes
            or self.is_asked
            or any(one.breaches or one.waiting for one in self.assessed)
            or any(
                item is None
                or item.patient_id != self.patient_id
                or item.is_superseded
                or item.result not in JUDGED
                for item in items
            )
        )


@dataclass(frozen=True, slots=True)
class Written:
    """What became of one patient's work.

    Attributes:
        asks_again_at: when work is due again, by queue id, for a confirmation is waited for; other work is finished.
    """

    asks_again_at: Mapping[int, datetime]


def load(
    cur: store.Cursor,
    practice_id: UUID,
    work: Sequence[EvaluationWork],
    care_side: CareSide,
    at: datetime,
) -> tuple[list[PatientShare], Mapping[RuleVersion, str]]:
    """Load all that a practice's work needs and ask the rules; also return the rules that could not be asked.

    Args:
        cur: In a transaction that works for the practice and holds the locks of its patients.
        practice_id: Whose work.
        work: Not empty.
        care_side: Which rules can hold for whom.
        at: Now, aware UTC.
    """
    patients = {item.patient_id for item in work}
    readings = history.of_work(cur, practice_id, work)
    earliest = min(item.measured_at for item in work)
    loaded = store.rules_of_patients(cur, practice_id, patients, earliest - _RULES_SINCE)
    memberships = care_side.memberships(cur, practice_id, patients, at)
    assessed: list[Assessed] = []
    failures = dict(loaded.unreadable)
    for kind in sorted({reading.kind for reading in readings.values()}):
        of_kind = [
            item
            for item in work
            if item.reading_id in readings and readings[item.reading_id].kind is kind
        ]
        one = _assessed(cur, practice_id, kind, of_kind, loaded.rules, memberships, at)
        assessed += one.assessed
        failures |= one.failures
    ids = {one.reading.reading_id for one in assessed} | {item.reading_id for item in work}
    known = store.breaches(cur, practice_id, ids)
    revisions = store.revisions(cur, practice_id, ids)
    episodes = store.open_episodes(cur, practice_id, patients)
    asked_patients = confirmations.asked_patients(cur, practice_id, patients)
    not_active = standing.not_active(cur, practice_id, patients)
    items_of = _by_patient(work, lambda item: item.patient_id)
    assessed_of = _by_patient(assessed, lambda one: one.reading.patient_id)
    known_of = _by_patient(known, lambda one: one.patient_id)
    episodes_of = _by_patient(episodes.values(), lambda one: one.patient_id)
    shares = [
        PatientShare(
            patient_id=patient_id,
            work=items_of[patient_id],
            readings=readings,
            assessed=assessed_of.get(patient_id, ()),
            known={(one.reading_id, one.family): one for one in known_of.get(patient_id, ())},
            open_episodes={one.family: one for one in episodes_of.get(patient_id, ())},
            revisions=revisions,
            is_asked=patient_id in asked_patients,
            is_active=patient_id not in not_active,
        )
        for patient_id in sorted(patients)
    ]
    return shares, failures


def _by_patient(
    all_of_them: Iterable[_One], patient_of: Callable[[_One], UUID]
) -> dict[UUID, list[_One]]:
    found: dict[UUID, list[_One]] = {}
    for one in all_of_them:
        found.setdefault(patient_of(one), []).append(one)
    return found


def _assessed(
    cur: store.Cursor,
    practice_id: UUID,
    kind: Kind,
    work: Sequence[EvaluationWork],
    rules: Iterable[Rule],
    memberships: Mapping[UUID, Memberships],
    at: datetime,
) -> Assessment:
    """Ask about readings of one kind: how far back one has to look is another matter for each."""
    asked = [rule for rule in rules if is_about(rule.spec, kind)]
    lookback = _longest(asked, windows.lookback)
    spans = _spans(work, _longest(asked, windows.wait), lookback)
    from_at = min(start for start, _ in spans.values()) - lookback
    until_at = max(end for _, end in spans.values())
    past = history.of_patients(cur, practice_id, spans.keys(), kind, from_at, until_at, at)
    return assess(past, asked, memberships, spans, at)


def _spans(work: Iterable[EvaluationWork], waits: timedelta, reach: timedelta) -> Spans:
    """Return, by patient, whose verdicts the work can change: readings that it may answer, or that look back on it."""
    spans: Spans = {}
    for item in work:
        start, end = item.measured_at - waits, item.measured_at + reach
        known = spans.get(item.patient_id)
        spans[item.patient_id] = (
            (start, end) if known is None else (min(start, known[0]), max(end, known[1]))
        )
    return spans


def _longest(rules: Iterable[Rule], span: Callable[..., timedelta]) -> timedelta:
    return max((span(rule.spec.signal) for rule in rules), default=timedelta())


def write_quiet(
    cur: store.Cursor, practice_id: UUID, shares: Iterable[PatientShare], at: datetime
) -> None:
    """Store what readings meant of which nothing else follows.

    Args:
        cur: In a savepoint of its own.
        practice_id: Whose.
        shares: Quiet ones.
        at: Now, aware UTC.
    """
    store.insert_evaluations(
        cur,
        [
            evaluation(practice_id, one, (), revision, at)
            for share in shares
            for items in [_checked(share)]
            for one in share.assessed
            if (revision := _next_revision(one, is_changed=False, items=items, share=share))
            is not None
        ],
    )


def write(
    cur: store.Cursor,
    practice_id: UUID,
    share: PatientShare,
    care_side: CareSide,
    at: datetime,
    late_after: timedelta,
) -> Written:
    """Write all that follows for one patient.

    1. Readings whose place a later version took are withdrawn from the episodes in which they stand.
    2. Each reading that was asked about is brought in step with what is stored of it.
    3. The open episodes are marked where the newest reading is in range.
    4. What each reading meant is stored: the first time, and when it changes.
    5. What the patient is asked is renewed.

    Args:
        cur: In a savepoint of its own.
        practice_id: Whose.
        share: What was loaded.
        care_side: Makes tasks.
        at: Now, aware UTC.
        late_after: A breach measured longer ago calls nobody.

    Raises:
        errors.WorkWithoutReading: Work points at no reading of its patient.
    """
    items = _checked(share)
    step = Reconciler(
        cur,
        practice_id,
        care_side,
        share.known,
        share.open_episodes,
        at,
        late_after,
        is_active=share.is_active,
    )
    step.withdraw_superseded(
        reading_id for reading_id, reading in items.items() if reading.is_superseded
    )
    evaluations = []
    for one in share.assessed:
        followed = step.follow(one)
        revision = _next_revision(one, is_changed=followed is not None, items=items, share=share)
        if revision is not None:
            evaluations.append(evaluation(practice_id, one, followed or (), revision, at))
    step.mark_in_range(_newest_by_family(share.assessed))
    evaluations += _of_what_was_not_measured(practice_id, share, items, at)
    store.insert_evaluations(cur, evaluations)
    waiting = [(one, each) for one in share.assessed for each in one.waiting]
    if waiting or share.is_asked:
        # Of readings of another kind nothing was asked, so what is asked because of them stands.
        settled = {one.reading.reading_id for one in share.assessed} | items.keys()
        requests = [
            ConfirmationRequest(
                reading_id=one.reading.reading_id,
                family=each.family,
                ask=each.ask,
                asked_at=at,
                until_at=each.until,
            )
            for one, each in waiting
            if share.is_active
        ]
        confirmations.replace(cur, practice_id, share.patient_id, settled, requests, at)
    return Written(_asks_again(share, items, waiting))


def _asks_again(
    share: PatientShare,
    items: Mapping[UUID, WaitingReading],
    waiting: Iterable[tuple[Assessed, Waiting]],
) -> dict[int, datetime]:
    """Return which work comes again when the time for an answer is up: that about the same kind of reading."""
    until: dict[Kind, datetime] = {}
    for one, each in waiting:
        kind = one.reading.kind
        until[kind] = min(each.until, until.get(kind, each.until))
    return {
        item.queue_id: until[items[item.reading_id].kind]
        for item in share.work
        if items[item.reading_id].kind in until
    }


def _checked(share: PatientShare) -> dict[UUID, WaitingReading]:
    items = {}
    for item in share.work:
        reading = share.readings.get(item.reading_id)
        if reading is None or reading.patient_id != item.patient_id:
            raise errors.WorkWithoutReading
        items[item.reading_id] = reading
    return items


def _next_revision(
    one: Assessed,
    *,
    is_changed: bool,
    items: Mapping[UUID, WaitingReading],
    share: PatientShare,
) -> int | None:
    """Return under which number the evaluation is stored; None where nothing new is to be said."""
    known = share.revisions.get(one.reading.reading_id)
    if known is None:
        return 0 if is_changed or one.reading.reading_id in items else None
    revision, outcome = known
    was_waiting = outcome is Outcome.WAITING
    return revision + 1 if is_changed or was_waiting != bool(one.waiting) else None


def _newest_by_family(assessed: Iterable[Assessed]) -> dict[str, Assessed]:
    return {answer.rule.spec.family: one for one in assessed for answer in one.answers}


def _of_what_was_not_measured(
    practice_id: UUID, share: PatientShare, items: Mapping[UUID, WaitingReading], at: datetime
) -> list[store.Evaluation]:
    """Return the evaluations of readings that rules cannot be asked about."""
    return [
        store.Evaluation(
            practice_id=practice_id,
            reading_id=reading_id,
            revision=0,
            measured_at=reading.measured_at,
            patient_id=share.patient_id,
            evaluated_at=at,
            outcome=Outcome.SILENT,
            silence=Silence.NOT_MEASURED,
            trace={
                "sentence": f"The peripheral sent no measurement ({reading.result}), so no rule was asked.",
                "reading_id": str(reading_id),
                "rules": [],
                "episodes": [],
                "outcome": Outcome.SILENT.value,
                "silence": Silence.NOT_MEASURED.value,
            },
        )
        for reading_id, reading in items.items()
        if reading.result not in JUDGED
        and not reading.is_superseded
        and reading_id not in share.revisions
    ]
