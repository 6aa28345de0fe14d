"""Rules on the real database, and every named statement under the role that uses it."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from alerts import errors, practice_defaults, store
from alerts.rules import Comparison, Measure, Question, RuleProposal, Severity, rules_in_force

pytestmark = [
    pytest.mark.db,
    pytest.mark.parametrize("database", ["partitions"], indirect=True),
]
CONSOLE = {
    "load_rules_of_practice",
    "end_rule_version",
    "insert_rule_version",
    "load_trace",
    "load_episode",
    "load_episode_events",
    "close_episode",
}
SYSTOLIC = Question(
    measure=Measure.SYSTOLIC_MMHG, comparison=Comparison.AT_OR_ABOVE, severity=Severity.CLINICAL
)
PROPOSAL = RuleProposal(
    question=SYSTOLIC,
    title="Raised systolic pressure",
    limit_value=150,
    due_within=timedelta(hours=8),
    source="Dr. Okafor's decision",
)


@pytest.mark.parametrize("name", list(store.Q))
def test_statement_is_valid_and_its_role_may_run_it(database: Any, name: str) -> None:
    statement = getattr(store.Q, name)
    parameters = dict.fromkeys(re.findall(r"%\((\w+)\)s", statement))
    source = store.__spec__.loader.get_source(store.__name__)  # type: ignore[union-attr]
    assert re.search(rf"\bQ\.{name}\b", source), f"nothing uses {name}"
    role = "homevitals_console" if name in CONSOLE else "homevitals_alerts"
    with database.connect(role) as connection:
        explain = "" if name == "listen" else "explain "
        connection.execute(cast("Any", explain + statement), parameters or None)


def test_defaults_come_back_as_they_were_adopted(home: Any, noon: datetime) -> None:
    with home.owner.cursor() as cur:
        stored = store.rules_of_practice(cur, home.practice_id)
    assert {
        (rule.question, rule.title, rule.limit_value, rule.due_within, rule.source)
        for rule in stored
    } == {
        (rule.question, rule.title, rule.limit_value, rule.due_within, rule.source)
        for rule in practice_defaults.RULES
    }
    assert {(rule.version, rule.in_force_until, rule.set_by) for rule in stored} == {
        (1, None, "test")
    }


def test_new_version_ends_the_former_with_who_and_why(home: Any, noon: datetime) -> None:
    with (
        home.database.connect("homevitals_console", home.practice_id) as connection,
        connection.cursor() as cur,
    ):
        added = store.add_rule_version(
            cur,
            home.practice_id,
            PROPOSAL,
            set_by="Dr. Okafor",
            reason="Too many alerts.",
            at=noon,
        )
        versions = [
            rule
            for rule in store.rules_of_practice(cur, home.practice_id)
            if rule.question == SYSTOLIC
        ]
    former, latest = versions
    assert latest == added
    assert (former.version, former.in_force_until) == (1, noon)
    assert (latest.version, latest.rule_id) == (2, former.rule_id)
    assert (latest.set_by, latest.reason) == ("Dr. Okafor", "Too many alerts.")


def test_patients_rule_is_a_rule_of_its_own(home: Any, noon: datetime) -> None:
    own = replace(PROPOSAL, patient_id=home.patient, limit_value=165)
    with home.owner.cursor() as cur:
        added = store.add_rule_version(
            cur, home.practice_id, own, set_by="Dr. Okafor", reason="Known.", at=noon
        )
        assert added.version == 1
        rules = store.rules_of_patient(cur, home.practice_id, home.patient)
        assert added in rules_in_force(rules, home.patient, noon)
        of_other = store.rules_of_patient(cur, home.practice_id, home.other_patient)
        assert added not in of_other
        assert len(of_other) == len(practice_defaults.RULES)


@pytest.mark.parametrize("missing", ["set_by", "reason"])
def test_rule_needs_who_and_why(home: Any, noon: datetime, missing: str) -> None:
    arguments = {"set_by": "Ada", "reason": "test"} | {missing: " "}
    with home.owner.cursor() as cur, pytest.raises(errors.BadRule):
        store.add_rule_version(cur, home.practice_id, PROPOSAL, at=noon, **arguments)


def test_version_that_does_not_begin_after_the_former_is_refused(home: Any, noon: datetime) -> None:
    with home.owner.cursor() as cur:
        for at in (noon - timedelta(days=60), noon - timedelta(days=90)):
            with pytest.raises(errors.RuleChanged):
                store.add_rule_version(
                    cur, home.practice_id, PROPOSAL, set_by="Ada", reason="test", at=at
                )
        assert len(store.rules_of_practice(cur, home.practice_id)) == len(practice_defaults.RULES)


def test_one_wins_when_two_set_the_same_rule_at_once(home: Any, noon: datetime) -> None:
    start = threading.Barrier(2)
    outcomes: list[str] = []

    def set_rule() -> None:
        with home.database.connect("homevitals_console", home.practice_id) as connection:
            start.wait()
            try:
                with connection.cursor() as cur:
                    store.add_rule_version(
                        cur, home.practice_id, PROPOSAL, set_by="Ada", reason="test", at=noon
                    )
                outcomes.append("set")
            except errors.RuleChanged:
                outcomes.append("refused")

    threads = [threading.Thread(target=set_rule) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["refused", "set"]
