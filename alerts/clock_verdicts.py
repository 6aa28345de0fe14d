"""What the rules that the clock asks say about a practice, and who is called for it. Pure: the clock is passed in.

Why nobody is called, where nobody is, is a part of the answer. In this order: silence is expected in a window; we are
behind ourselves; the gateway of the home is silent, which is a matter of its own; another patient of the same home was
told of; nobody is there for what may wait.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from alerts.clock_signals import GatewaySilent
from alerts.home_verdicts import ClockSilence, Finding, HomeNow, NoFinding, Practice
from alerts.missing_link import Link
from alerts.rules import Rule, in_force

Subject = tuple[UUID, str]
"""Patient and family."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of asking.

    Attributes:
        findings: one at most for each patient and family.
        fine: patient and family of what is known to be as it should be.
        unknown: patient and family of what could not be told.
        patients: who was asked about.
        failures: rules that could not be asked, with the kind of the error.
    """

    findings: tuple[Finding, ...]
    fine: frozenset[Subject]
    unknown: frozenset[Subject]
    patients: frozenset[UUID]
    failures: Mapping[tuple[UUID, int], str]


def ask(practice: Practice, rules: Iterable[Rule], now: datetime) -> Asked:
    """Ask the rules about everybody; a rule that cannot be asked is named and stops no other.

    Args:
        practice: what is known.
        rules: all versions that may hold; those about readings are left out.
        now: aware UTC.
    """
    of_clock = [rule for rule in rules if rule.spec.kind is None]
    findings: dict[Subject, Finding] = {}
    fine: set[Subject] = set()
    unknown: set[Subject] = set()
    failures: dict[tuple[UUID, int], str] = {}
    patients = practice.memberships.keys() & practice.homes.keys()
    for patient_id in patients:
        seen = HomeNow(practice, practice.homes[patient_id], now)
        # The severest come first: one of each family speaks for it.
        for rule in in_force(of_clock, patient_id, practice.memberships[patient_id], now):
            subject = patient_id, rule.spec.family
            try:
                found = seen.about(rule)
            except Exception as error:  # noqa: BLE001  # whatever is wrong with one rule must not stop the others
                failures[rule.rule_id, rule.version] = type(error).__name__
                found = NoFinding.UNKNOWN
            if isinstance(found, Finding):
                findings.setdefault(subject, found)
            else:
                (fine if found is NoFinding.FINE else unknown).add(subject)
    return Asked(
        findings=tuple(_quieted(practice, list(findings.values()))),
        fine=frozenset(fine - unknown - findings.keys()),
        unknown=frozenset(unknown - findings.keys()),
        patients=frozenset(patients),
        failures=failures,
    )


def _quieted(practice: Practice, findings: Sequence[Finding]) -> Iterable[Finding]:
    """Say for which findings nobody is called: those that others explain, and those that wait for the morning."""
    silent_homes = {
        one.patient_id for one in findings if isinstance(one.rule.spec.signal, GatewaySilent)
    }
    told: dict[str, set[str]] = defaultdict(set)  # by family: what somebody is called about
    for one in findings:
        if _subject(one) in practice.told:
            told[one.rule.spec.family] |= one.subjects
    for one in sorted(findings, key=lambda found: found.patient_id):
        family = one.rule.spec.family
        is_news = _subject(one) not in practice.told
        if one.silence is not None:
            yield one
        elif one.link is Link.GATEWAY and one.patient_id in silent_homes:
            yield replace(one, silence=ClockSilence.GATEWAY_SILENT)
        elif is_news and one.subjects and one.subjects <= told[family]:
            yield replace(one, silence=ClockSilence.TOLD_FOR_ANOTHER)
        else:
            told[family] |= one.subjects
            yield replace(one, silence=ClockSilence.QUIET_HOURS) if practice.is_quiet else one


def _subject(found: Finding) -> Subject:
    return found.patient_id, found.rule.spec.family
