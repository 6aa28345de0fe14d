"""Rules on the real database, and every named statement under the role that uses it."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from alerts import confirmations, errors, store
from alerts.limits import with_limit
from alerts.measures import Severity
from alerts.rules import Memberships, RuleProposal, Scope, in_force
from ingest import named_queries
from tests import single_limits

pytestmark = [
    pytest.mark.db,
    pytest.mark.parametrize("database", ["partitions"], indirect=True),
]
CONSOLE = {
    "load_rules_of_practice",
    "lock_rules",
    "last_rule_version",
    "load_rule_failures",
    "load_confirmation_requests",
    "end_rule_version",
    "insert_rule_version",
    "load_trace",
    "load_episode",
    "load_episode_events",
    "close_episode",
}
RAISED = next(one for one in single_limits.RULES if one.name == "systolic-high (clinical)")
PROPOSAL = RuleProposal(spec=with_limit(RAISED, 150))
SYSTOLIC = ("systolic-high", Severity.CLINICAL)


@pytest.mark.parametrize(
    ("module", "name"),
    [
        *((store, name) for name in store.Q),
        *((confirmations, name) for name in named_queries.load("alerts", "confirmations")),
    ],
)
def test_statement_is_valid_and_its_role_may_run_it(database: Any, module: Any, name: str) -> None:
    queries = store.Q if module is store else confirmations._Q
    statement = getattr(queries, name)
    parameters = dict.fromkeys(re.findall(r"%\((\w+)\)s", statement))
    source = module.__spec__.loader.get_source(module.__name__)
    assert re.search(rf"\bQ\.{name}\b|\b_Q\.{name}\b", source), f"nothing uses {name}"
    role = "homevitals_console" if name in CONSOLE else "homevitals_alerts"
    with database.connect(role) as connection:
        explain = "" if name == "listen" else "explain "
        connection.execute(cast("Any", explain + statement), parameters or None)


def test_rules_come_back_as_they_were_activated(home: Any) -> None:
    with home.owner.cursor() as cur:
        stored = store.rules_of_practice(cur, home.practice_id)
    assert not stored.unreadable
    assert {rule.spec for rule in stored.rules} == set(single_limits.RULES)
    assert {(rule.version, rule.in_force_until, rule.set_by) for rule in stored.rules} == {
        (1, None, "test")
    }


def test_a_definition_that_this_version_cannot_read_is_named_and_hides_no_other(home: Any) -> None:
    with home.owner.cursor() as cur:
        cur.execute(
            "update alerts.rule set definition = jsonb_set(definition, '{signal,form}', '\"oracle\"')"
            " where family = 'pulse-fast' returning rule_id, version"
        )
        damaged = cur.fetchone()
        stored = store.rules_of_practice(cur, home.practice_id)
    assert stored.unreadable == {damaged: "RuleSetError"}
    assert len(stored.rules) == len(single_limits.RULES) - 1


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
            for rule in store.rules_of_practice(cur, home.practice_id).rules
            if rule.question == SYSTOLIC
        ]
    former, latest = versions
    assert latest == added
    assert (former.version, former.in_force_until) == (1, noon)
    assert (latest.version, latest.rule_id) == (2, former.rule_id)
    assert (latest.set_by, latest.reason) == ("Dr. Okafor", "Too many alerts.")


def test_patients_rule_is_a_rule_of_its_own(home: Any, noon: datetime) -> None:
    own = replace(PROPOSAL, scope=Scope.PATIENT, scope_key=str(home.patient))
    since = noon - timedelta(days=90)
    with home.owner.cursor() as cur:
        added = store.add_rule_version(
            cur, home.practice_id, own, set_by="Dr. Okafor", reason="Known.", at=noon
        )
        assert added.version == 1
        rules = store.rules_of_patients(cur, home.practice_id, [home.patient], since).rules
        assert added in in_force(rules, home.patient, Memberships(), noon)
        of_other = store.rules_of_patients(cur, home.practice_id, [home.other_patient], since).rules
        assert added not in of_other
        assert len(of_other) == len(single_limits.RULES)


def test_a_rule_that_ends_by_itself_gives_way_and_can_be_set_again(
    home: Any, noon: datetime
) -> None:
    week = timedelta(days=7)
    own = replace(PROPOSAL, scope=Scope.PATIENT, scope_key=str(home.patient), until=noon + week)
    with home.owner.cursor() as cur:
        for at in (noon, noon + timedelta(days=1)):
            until = replace(own, until=at + week)
            store.add_rule_version(cur, home.practice_id, until, set_by="A", reason="b", at=at)
        again = store.add_rule_version(
            cur,
            home.practice_id,
            replace(own, until=None),
            set_by="A",
            reason="b",
            at=noon + 3 * week,
        )
        rules = store.rules_of_patients(cur, home.practice_id, [home.patient], noon).rules
    assert again.version == 3
    for at, version in ((noon, 1), (noon + week, 2), (noon + 2 * week, None), (noon + 4 * week, 3)):
        held = [
            r for r in in_force(rules, home.patient, Memberships(), at) if r.question == SYSTOLIC
        ]
        assert [r.version for r in held if r.scope is Scope.PATIENT] == (
            [] if version is None else [version]
        )
        assert len(held) == 1


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
        assert len(store.rules_of_practice(cur, home.practice_id).rules) == len(single_limits.RULES)


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
