"""A practice whose people can be called, with episodes as the evaluator and the console leave them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg.types.json import Jsonb

from alerts import escalation
from alerts.channels.message import Channel
from alerts.ladders import Rung, Whom
from alerts.measures import Severity
from alerts.on_call import Duty
from ingest import people
from ingest.people import Role
from tests import scopes

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
BOTH = (Channel.CONSOLE, Channel.EMAIL)
RUNGS = tuple(
    Rung(timedelta(minutes=minutes), whom, BOTH)
    for minutes, whom in (
        (0, Whom.OWNER),
        (10, Whom.COVER),
        (20, Whom.CLINICIAN_ON_CALL),
        (30, Whom.PRACTICE_LINE),
    )
)


@dataclass(frozen=True)
class CalledPractice:
    """Everything is committed; ``owner`` is a superuser's connection in the practice's scope."""

    practice_id: UUID
    patient_id: UUID
    rule_id: UUID
    staff: dict[str, UUID]
    contacts: dict[str, UUID]
    owner: psycopg.Connection[Any]

    def open_episode(
        self,
        *,
        owner: str | None = "casey",
        severity: Severity = Severity.URGENT,
        at: datetime = NOON,
    ) -> UUID:
        """Open an episode of a family of its own with its task, owned by somebody."""
        episode_id = uuid4()
        with self.owner.transaction():
            self.owner.execute(
                "insert into alerts.episode (practice_id, episode_id, patient_id, rule_id, rule_version, family,"
                " severity, opened_at, breached_at) values (%s, %s, %s, %s, 1, %s, %s, %s, %s)",
                (
                    self.practice_id,
                    episode_id,
                    self.patient_id,
                    self.rule_id,
                    str(episode_id),
                    severity,
                    at,
                    at,
                ),
            )
            self.owner.execute(
                "insert into ccm.task (practice_id, patient_id, episode_id, title, severity, owner_staff_id, opened_at,"
                " due_at) values (%s, %s, %s, 't', 'urgent', %s, %s, %s)",
                (
                    self.practice_id,
                    self.patient_id,
                    episode_id,
                    self.staff[owner] if owner else None,
                    at,
                    at,
                ),
            )
            self._event(episode_id, "opened", at)
        return episode_id

    def happens(self, episode_id: UUID, event: str, at: datetime, change: str = "") -> None:
        """Let something happen to an episode, with what it changes of its row ("column = …")."""
        with self.owner.transaction():
            if change:
                self.owner.execute(
                    f"update alerts.episode set {change} where episode_id = %(id)s",  # type: ignore[arg-type]
                    {"id": episode_id, "at": at, "by": self.staff["casey"]},
                )
            self._event(episode_id, event, at)

    def _event(self, episode_id: UUID, event: str, at: datetime) -> None:
        self.owner.execute(
            "insert into alerts.episode_event (practice_id, episode_id, at, event, note) values (%s, %s, %s, %s, 'n')",
            (self.practice_id, episode_id, at, event),
        )

    def rows(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Return what is committed."""
        with self.owner.transaction():
            return self.owner.execute(statement, parameters).fetchall()  # type: ignore[arg-type]

    def called(self, episode_id: UUID) -> list[tuple[int, str, str | None]]:
        """Return the rungs that were called about an episode: number, reason, why it reached nobody."""
        return self.rows(
            "select rung, reason, nobody from alerts.rung_call where episode_id = %s order by round_at, rung",
            episode_id,
        )  # type: ignore[return-value]


def set_up(owner: psycopg.Connection[Any]) -> CalledPractice:
    """Add a practice with a ladder, with Robin as cover, Dana as clinician, and an e-mail address of everybody."""
    with owner.transaction(), owner.cursor() as cur:
        practice_id = people.add_practice(
            cur, slug="clinic", name="Clinic", time_zone="Europe/Berlin"
        )
        staff = {
            name: people.add_staff(
                cur, practice_id, sign_in_name=name, display_name=name, role=role
            )
            for name, role in (
                ("casey", Role.CARE_MANAGER),
                ("robin", Role.CARE_MANAGER),
                ("dana", Role.CLINICIAN),
                ("petra", Role.PRACTICE_ADMINISTRATOR),
            )
        }
        patient_id = people.add_patient(
            cur,
            practice_id,
            display_name="Rosa Quill",
            born_on=date(1950, 1, 1),
            record_number="1",
            time_zone="Europe/Berlin",
        )
        rule_id = uuid4()
        cur.execute(
            "insert into alerts.rule (practice_id, rule_id, version, severity, family, definition, in_force_from,"
            " set_by, reason) values (%s, %s, 1, 'urgent', 'f', %s, %s, 't', 'r')",
            (practice_id, rule_id, Jsonb({}), NOON - timedelta(days=60)),
        )
        who = {"added_by": staff["petra"], "at": NOON - timedelta(days=1)}
        escalation.set_ladder(
            cur,
            practice_id,
            Severity.URGENT,
            RUNGS,
            former_version=0,
            set_by=staff["petra"],
            reason="r",
            at=NOON - timedelta(days=1),
        )
        for duty, name in ((Duty.COVER, "robin"), (Duty.CLINICIAN, "dana")):
            escalation.add_shift(
                cur,
                practice_id,
                duty,
                staff[name],
                starts_at=NOON - timedelta(days=1),
                ends_at=NOON + timedelta(days=1),
                **who,
            )
        contacts = {
            name: escalation.add_contact(
                cur, practice_id, staff.get(name), Channel.EMAIL, f"{name}@example.org", **who
            )
            for name in ("casey", "robin", "dana", "line")
        }
    scopes.work_for(owner, practice_id)
    return CalledPractice(practice_id, patient_id, rule_id, staff, contacts, owner)
