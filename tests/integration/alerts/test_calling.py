"""Calling and sending on the database: nothing is lost, nothing doubled, and every failure calls somebody else."""

from __future__ import annotations

import dataclasses
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib import resources
from typing import Any
from uuid import UUID

import psycopg
import pytest

from alerts import calling, errors, escalation, notifications, sending
from alerts.channels.email.settings import EmailSettings, Security
from alerts.channels.email.transport import EmailTransport
from alerts.channels.message import Channel, Message
from alerts.errors import Failure
from alerts.ladders import Rung, Whom
from alerts.measures import Severity
from alerts.notifications import State
from ccm_link.task import called_tasks
from ingest import named_queries, tenancy
from tests import mail_server, scopes
from tests.integration.alerts import called_practice
from tests.integration.alerts.called_practice import NOON, CalledPractice
from tests.mail_server import Postbox

pytestmark = pytest.mark.db

CHANNELS = frozenset({Channel.EMAIL})
CONSOLE = "https://vitals.example.org"


@dataclass
class Carrier:
    """A transport: what it was given, and how it fails for whom."""

    fails: Callable[[str], errors.NotSent | None] = lambda _address: None
    carried: list[tuple[UUID, str, str]] = field(default_factory=list)

    def send(self, message: Message, address: str, at: datetime) -> str:
        self.carried.append((message.message_id, address, message.address))
        failure = self.fails(address)
        if failure is not None:
            raise failure
        return "taken"

    @property
    def addresses(self) -> list[str]:
        return [address.partition("@")[0] for _, address, _ in self.carried]


@dataclass
class Notifier:
    """One notifier of the service, whose clock the test moves."""

    connection: psycopg.Connection[Any]
    carrier: Carrier
    now: datetime = NOON

    def work(self, minutes: float = 0) -> None:
        """Do all that is due so long after noon."""
        self.now = NOON + timedelta(minutes=minutes)
        sender = self.sender()
        while calling.look(
            self.connection, called_tasks.of_episodes, CHANNELS, self.now
        ) + sender.send_next(self.connection):
            pass

    def sender(self) -> sending.Sender:
        return sending.Sender(
            Channel.EMAIL, self.carrier, called_tasks.of_episodes, CONSOLE, lambda: self.now
        )


@pytest.fixture
def practice(database: Any) -> Iterator[CalledPractice]:
    with database.connect("postgres") as owner:
        yield called_practice.set_up(owner)


@pytest.fixture
def notifier(database: Any, practice: CalledPractice) -> Iterator[Notifier]:
    with database.connect("homevitals_notifier") as connection:
        connection.autocommit = True
        yield Notifier(connection, Carrier())


def test_the_ladder_is_climbed_until_somebody_acknowledges(
    practice: CalledPractice, notifier: Notifier
) -> None:
    episode_id = practice.open_episode()
    for minutes in (0, 1, 10, 11, 20):
        notifier.work(minutes)
    assert notifier.carrier.addresses == ["casey", "robin", "dana"]
    practice.happens(
        episode_id,
        "acknowledged",
        notifier.now,
        "acknowledged_at = %(at)s, acknowledged_by = %(by)s",
    )
    notifier.work(60)

    assert notifier.carrier.addresses == ["casey", "robin", "dana"]
    assert practice.called(episode_id) == [(n, "time", None) for n in (1, 2, 3)]
    ((task_id,),) = practice.rows("select task_id from ccm.task")
    assert {told for *_, told in notifier.carrier.carried} == {f"{CONSOLE}/tasks/{task_id}"}
    states = Counter(practice.rows("select channel, state, receipt from alerts.notification"))
    assert states == {("email", "sent", "taken"): 3, ("console", "sent", ""): 3}


@pytest.mark.parametrize("event", ["fell_back", "returned", "released", "assigned"])
def test_an_episode_that_needs_somebody_again_begins_a_new_round(
    practice: CalledPractice, notifier: Notifier, event: str
) -> None:
    episode_id = practice.open_episode()
    notifier.work(0)
    practice.happens(
        episode_id,
        "closed",
        notifier.now,
        "acknowledged_at = %(at)s, acknowledged_by = %(by)s, closed_at = %(at)s",
    )
    notifier.work(30)
    assert practice.rows("select count(*) from alerts.climb") == [(0,)]
    practice.happens(
        episode_id,
        event,
        NOON + timedelta(hours=1),
        "acknowledged_at = null, acknowledged_by = null, closed_at = null",
    )
    notifier.work(61)
    notifier.work(70)
    assert notifier.carrier.addresses == ["casey", "casey", "robin"]


def test_a_snooze_rests_and_then_begins_a_new_round_even_if_nobody_ends_it(
    practice: CalledPractice, notifier: Notifier
) -> None:
    episode_id = practice.open_episode()
    notifier.work(0)
    practice.happens(
        episode_id,
        "snoozed",
        notifier.now,
        "snoozed_at = %(at)s, snoozed_until = %(at)s + interval '1 hour'",
    )
    notifier.work(59)
    assert notifier.carrier.addresses == ["casey"]
    notifier.work(60)
    notifier.work(69)
    assert notifier.carrier.addresses == ["casey", "casey"]
    notifier.work(70)
    assert notifier.carrier.addresses == ["casey", "casey", "robin"]


def test_an_escalated_episode_climbs_the_ladder_of_its_new_severity(
    practice: CalledPractice, notifier: Notifier
) -> None:
    episode_id = practice.open_episode(severity=Severity.CLINICAL)  # which has no ladder
    notifier.work(60)
    assert notifier.carrier.carried == []
    practice.happens(episode_id, "escalated", NOON + timedelta(hours=2), "severity = 'urgent'")
    notifier.work(120)
    assert notifier.carrier.addresses == ["casey"]


def test_what_is_not_sent_yet_is_withdrawn_when_somebody_has_the_episode(
    practice: CalledPractice, notifier: Notifier
) -> None:
    notifier.carrier.fails = lambda _: errors.NotSent(Failure.BUSY)
    episode_id = practice.open_episode()
    notifier.work(0)
    practice.happens(
        episode_id,
        "snoozed",
        notifier.now,
        "snoozed_at = %(at)s, snoozed_until = %(at)s + interval '1 day'",
    )
    notifier.carrier.fails = lambda _: None
    notifier.work(5)
    assert len(notifier.carrier.carried) == 1
    assert practice.rows("select state from alerts.notification where channel = 'email'") == [
        ("withdrawn",)
    ]


def test_a_message_that_is_not_taken_is_tried_again_with_pauses_and_given_up_in_time(
    practice: CalledPractice, notifier: Notifier
) -> None:
    notifier.carrier.fails = lambda address: (
        errors.NotSent(Failure.BUSY) if address.startswith("casey") else None
    )
    episode_id = practice.open_episode()
    for second in range(0, 300, 5):
        notifier.work(second / 60)

    tries = len(sending.RETRY_AFTER) + 1
    assert notifier.carrier.addresses == ["casey"] * tries + ["robin"]
    assert len({message_id for message_id, *_ in notifier.carrier.carried}) == 2
    began = practice.rows(
        "select extract(epoch from began_at - %s)::integer, failure from alerts.notification_attempt"
        " where failure <> '' order by attempt",
        NOON,
    )
    assert began == [(seconds, "busy") for seconds in (0, 5, 20, 80, 260)]
    # Nobody waits for the time of the second rung, for the first one reached nobody.
    assert practice.called(episode_id) == [(1, "time", None), (2, "failed_before", None)]
    with tenancy.transaction(notifier.connection, practice.practice_id) as cur:
        assert notifications.count_failing(cur, NOON) == 1


def test_who_is_refused_for_good_is_not_tried_again_and_the_next_rung_is_called_at_once(
    practice: CalledPractice, notifier: Notifier
) -> None:
    def fails(address: str) -> errors.NotSent | None:
        is_final = not address.startswith("line")
        return errors.NotSent(Failure.REFUSED, is_final=True) if is_final else None

    notifier.carrier.fails = fails
    episode_id = practice.open_episode(owner=None)
    notifier.work(0)
    assert practice.called(episode_id) == [
        (1, "time", "no_owner"),
        (2, "nobody_before", None),
        (3, "failed_before", None),
        (4, "failed_before", None),
    ]
    assert notifier.carrier.addresses == ["robin", "dana", "line"]


def test_an_address_that_was_taken_back_meanwhile_gets_nothing(
    practice: CalledPractice, notifier: Notifier
) -> None:
    notifier.carrier.fails = lambda _: errors.NotSent(Failure.BUSY)
    practice.open_episode()
    notifier.work(0)
    with practice.owner.transaction(), practice.owner.cursor() as cur:
        assert escalation.end_contact(
            cur,
            practice.practice_id,
            practice.contacts["casey"],
            by=practice.staff["petra"],
            at=NOON,
        )
    notifier.carrier.fails = lambda _: None
    notifier.work(1)
    assert notifier.carrier.addresses == ["casey", "robin"]


def test_a_new_ladder_holds_for_who_waits_and_none_calls_about_what_was_there_before(
    practice: CalledPractice, notifier: Notifier
) -> None:
    waiting, old = practice.open_episode(), practice.open_episode(severity=Severity.OUTREACH)
    notifier.work(1)
    line = (Rung(timedelta(minutes=2), Whom.PRACTICE_LINE, (Channel.EMAIL,)),)
    with practice.owner.transaction(), practice.owner.cursor() as cur:
        for severity, former, rungs in (
            (Severity.URGENT, 1, (called_practice.RUNGS[0], *line)),
            (Severity.OUTREACH, 0, line),
        ):
            escalation.set_ladder(
                cur, practice.practice_id, severity, rungs, former_version=former,
                set_by=practice.staff["petra"], reason="r", at=NOON + timedelta(minutes=1),
            )  # fmt: skip
        with pytest.raises(errors.LadderChanged):
            escalation.set_ladder(
                cur, practice.practice_id, Severity.URGENT, line, former_version=1,
                set_by=practice.staff["petra"], reason="r", at=NOON,
            )  # fmt: skip
    notifier.work(10)
    assert notifier.carrier.addresses == ["casey", "line"]
    assert practice.called(waiting) == [(1, "time", None), (2, "time", None)]
    assert practice.called(old) == []


def test_who_changes_an_episode_and_who_looks_at_its_ladder_never_wait_for_each_other_crosswise(
    database: Any, practice: CalledPractice, notifier: Notifier
) -> None:
    episode_id = practice.open_episode()
    with database.connect("postgres") as person:
        # As the console does it: the episode first, then its line of history, which has the ladder looked at.
        person.execute("select from alerts.episode where episode_id = %s for update", (episode_id,))
        looking = threading.Thread(target=notifier.work)
        looking.start()
        waiting = (
            "select count(*) from pg_stat_activity where datname = %s and wait_event_type = 'Lock'"
        )
        deadline = time.monotonic() + 10
        while practice.rows(waiting, database.name) != [(1,)]:
            assert time.monotonic() < deadline, "the notifier did not come to the episode"
        person.execute(
            "update alerts.episode set acknowledged_at = %s, acknowledged_by = %s where episode_id = %s",
            (NOON, practice.staff["casey"], episode_id),
        )
        person.execute(
            "insert into alerts.episode_event (practice_id, episode_id, at, event, note)"
            " values (%s, %s, %s, 'acknowledged', 'n')",
            (practice.practice_id, episode_id, NOON),
        )
        person.commit()
    looking.join(20)
    # It had seen the episode waiting. What was not sent by the time of the next look is withdrawn.
    assert practice.called(episode_id) == [(1, "time", None)]
    assert practice.rows("select look_at = 'infinity' from alerts.climb") == [(True,)]


def test_many_notifiers_at_once_call_and_send_once(database: Any, practice: CalledPractice) -> None:
    episodes = [practice.open_episode() for _ in range(20)]
    carrier = Carrier()
    failed: list[BaseException] = []
    together = threading.Barrier(4)

    def notify() -> None:
        try:
            with database.connect("homevitals_notifier") as connection:
                connection.autocommit = True
                one = Notifier(connection, carrier)
                for minutes in (0, 10, 20, 30):
                    together.wait(20)  # clocks go together
                    one.work(minutes)
        except BaseException as error:  # told by the test
            failed.append(error)

    threads = [threading.Thread(target=notify) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert failed == []
    assert Counter(carrier.addresses) == dict.fromkeys(("casey", "robin", "dana", "line"), 20)
    assert max(Counter(message_id for message_id, *_ in carrier.carried).values()) == 1
    for episode_id in episodes:
        assert practice.called(episode_id) == [(n, "time", None) for n in (1, 2, 3, 4)]


# Sends one message for true, and dies before it can write that down.
KILLED = """
import os, signal, sys
from datetime import datetime
import psycopg
from alerts import sending
from alerts.channels.email.settings import EmailSettings, Security
from alerts.channels.email.transport import EmailTransport
from alerts.channels.message import Channel
from ccm_link.task import called_tasks

conninfo, port, now = sys.argv[1:]
settings = EmailSettings(
    host="127.0.0.1", port=int(port), security=Security.NONE, sender="alerts@clinic.example"
)

class Killed(EmailTransport):
    def send(self, *told):
        super().send(*told)
        os.kill(os.getpid(), signal.SIGKILL)

with psycopg.connect(conninfo, autocommit=True) as connection:
    sending.Sender(
        Channel.EMAIL, Killed(settings), called_tasks.of_episodes, "https://x.example",
        lambda: datetime.fromisoformat(now),
    ).send_next(connection)
"""


def test_a_notifier_that_is_killed_after_sending_leaves_the_message_to_be_sent_again_under_its_id(
    database: Any, practice: CalledPractice, notifier: Notifier
) -> None:
    practice.open_episode()
    calling.look(notifier.connection, called_tasks.of_episodes, CHANNELS, NOON)
    postbox = Postbox()
    with mail_server.serve(postbox) as port:
        words = [database.conninfo("homevitals_notifier"), str(port), NOON.isoformat()]
        ran = subprocess.run([sys.executable, "-c", KILLED, *words], check=False, timeout=60)
        assert ran.returncode == -signal.SIGKILL
        assert len(postbox.taken) == 1

        settings = EmailSettings(
            host="127.0.0.1", port=port, security=Security.NONE, sender="alerts@clinic.example"
        )
        sender = dataclasses.replace(notifier.sender(), transport=EmailTransport(settings))
        assert not sender.send_next(notifier.connection)  # somebody has it
        notifier.now = NOON + sending.LEASE
        assert sender.send_next(notifier.connection)
        assert not sender.send_next(notifier.connection)
    assert len(postbox.taken) == 2
    assert len({mail["Message-ID"] for mail in postbox.mails}) == 1
    # The first try has no end: nobody could say what became of it.
    assert practice.rows(
        "select attempt, ended_at is null, failure from alerts.notification_attempt order by attempt"
    ) == [(1, True, ""), (2, False, "")]


def test_the_console_names_who_was_called_and_what_needs_a_person(
    database: Any, practice: CalledPractice, notifier: Notifier
) -> None:
    first, second = practice.open_episode(), practice.open_episode(owner="robin")
    notifier.work(0)
    with database.connect("homevitals_console") as connection:
        casey = tenancy.Scope((practice.practice_id,), staff_id=practice.staff["casey"])
        with connection.transaction(), connection.cursor() as cur:
            tenancy.enter(cur, casey)
            ((_, call), *rest) = enumerate(
                notifications.calls_of_episode(cur, practice.practice_id, first)
            )
            needing = called_tasks.that_need(
                cur, practice.practice_id, practice.staff["casey"], NOON, 10
            )
    assert rest == []
    assert {(one.channel, one.state, one.staff_name) for one in call.messages} == {
        (Channel.CONSOLE, State.SENT, "casey"),
        (Channel.EMAIL, State.SENT, "casey"),
    }
    ((task_id,),) = practice.rows("select task_id from ccm.task where episode_id = %s", first)
    assert [(one.task_id, one.severity) for one in needing] == [(task_id, Severity.URGENT)]
    assert second != first


def test_a_restricted_patients_calls_are_hidden_from_who_does_not_see_the_patient(
    database: Any, practice: CalledPractice, notifier: Notifier
) -> None:
    episode_id = practice.open_episode()
    notifier.work(0)
    practice.owner.execute(
        "insert into ingest.restriction (practice_id, patient_id, restricted_at, reason, restricted_by)"
        " values (%s, %s, %s, 'r', %s)",
        (practice.practice_id, practice.patient_id, NOON, practice.staff["dana"]),
    )
    practice.owner.commit()
    with database.connect("homevitals_console") as connection, connection.cursor() as cur:
        for staff_id, seen in ((practice.staff["casey"], 0), (None, 1)):
            with connection.transaction():
                tenancy.enter(cur, tenancy.Scope((practice.practice_id,), staff_id=staff_id))
                calls = notifications.calls_of_episode(cur, practice.practice_id, episode_id)
                count = cur.execute("select count(*) from alerts.notification").fetchone()
                tries = cur.execute("select count(*) from alerts.notification_attempt").fetchone()
                assert (len(calls), count, tries) == (seen, (2 * seen,), (seen,))


# The role of each statement


CONSOLE_ROLE, NOTIFIER, SCHEDULER = (
    "homevitals_console", "homevitals_notifier", "homevitals_scheduler"
)  # fmt: skip


def _parameters(practice: CalledPractice, statement: str) -> dict[str, Any]:
    who = practice.staff["petra"]
    known: dict[str, Any] = {
        "practice_id": practice.practice_id,
        "severity": "technical",
        "version": 7,
        "rungs": "[]",
        "ladder_version": 1,
        "episode_ids": [who],
        "beginnings": ["opened"],
        "duty": "cover",
        "channel": "email",
        "address": "new@example.org",
        "first_on": NOON.date(),
        "starts": "08:00",
        "ends": "09:00",
        "days_later": 0,
        "every_weeks": 1,
        "last_on": None,
        "most": 1,
        "rung": 1,
        "whom": "owner",
        "reason": "time",
        "nobody": None,
        "receipt": "",
        "failure": "",
        "attempt": 1,
        "starts_at": NOON,
        "ends_at": NOON + timedelta(hours=1),
    }
    ids = {"staff_id", "set_by", "added_by", "by"}
    found = {}
    for name in set(re.findall(r"%\((\w+)\)s", statement)):
        if name in ids:
            found[name] = who
        elif name.endswith("_id") and name not in known:
            found[name] = practice.contacts["casey"]
        else:
            found[name] = known.get(name, NOON)
    return found


FILES: dict[str, dict[str, tuple[str, ...]]] = {
    "alerts/escalation": {
        **dict.fromkeys(
            ("load_ladders", "load_shifts", "load_weekly_shifts", "load_contacts", "load_active_staff", "load_zone"),
            (CONSOLE_ROLE, NOTIFIER),
        ),
        **dict.fromkeys(
            ("insert_ladder", "look_at_all", "insert_shift", "insert_weekly_shift", "cancel_shift",
             "cancel_weekly_shift", "insert_contact", "end_contact"),
            (CONSOLE_ROLE,),
        ),
    },
    "alerts/notifications": {
        **dict.fromkeys(
            ("lease_climbs", "load_standing", "load_called", "withdraw", "look_later", "end_climb", "look_now", "claim",
             "load_message", "end_attempt", "sent", "try_again", "give_up"),
            (NOTIFIER,),
        ),
        **dict.fromkeys(("queue_test", "load_calls_of_episode", "load_last_messages"), (CONSOLE_ROLE,)),
        **dict.fromkeys(("waiting_since", "count_failing"), (SCHEDULER, NOTIFIER)),
        # They refer to rows of each other; the other tests run them.
        **dict.fromkeys(("insert_rung_call", "insert_notification", "begin_attempt"), ()),
    },
    "ccm_link.task/called_tasks": {"of_episodes": (NOTIFIER,), "that_need": (CONSOLE_ROLE,)},
}  # fmt: skip


def test_each_statement_has_a_use_and_runs_with_the_rights_of_its_roles(
    database: Any, practice: CalledPractice, subtests: pytest.Subtests
) -> None:
    for file, roles in FILES.items():
        package, subject = file.split("/")
        text = (resources.files(package) / f"{subject}.py").read_text(encoding="utf-8")
        queries = named_queries.load(package, subject)
        assert set(queries) == set(roles) == set(re.findall(r"_Q\.(\w+)", text))
        for name, run_by in roles.items():
            for role in run_by:
                with subtests.test(f"{file} {name} {role}"), database.connect(role) as connection:
                    if role != SCHEDULER:
                        scopes.work_for(connection, practice.practice_id)
                    statement = getattr(queries, name)
                    connection.execute(statement, _parameters(practice, statement))
                    connection.rollback()


def test_the_notifier_sees_no_patient_and_no_name(database: Any, practice: CalledPractice) -> None:
    with database.connect("homevitals_notifier") as connection:
        scopes.work_for(connection, practice.practice_id)
        for question in (
            "select * from ingest.patient",
            "select * from ingest.reading",
            "select display_name from ingest.staff",
            "select patient_id from alerts.episode",
            "select note from alerts.episode_event",
            "select title from ccm.task",
            "select patient_id from ccm.task",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
                connection.execute(question)
