"""What the rules that the clock asks say about one home: breached, fine, or that nobody knows. Pure.

Nothing is called fine that is not known to be: a gateway that could not be heard, a battery that nobody has read.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, assert_never
from uuid import UUID
from zoneinfo import ZoneInfo

from alerts import agreements, missing_link, schedule
from alerts.agreements import Agreement
from alerts.clock_signals import (
    BatteryLow,
    ClockOf,
    ClockSignal,
    ClockWrong,
    GatewaySilent,
    Missing,
)
from alerts.homes import Gateway, Home, Measured
from alerts.missing_link import Link, OwnService
from alerts.rules import Memberships, Rule
from alerts.schedule import Expected
from alerts.silence_windows import SilenceWindow
from firmware_profiles import kinds
from firmware_profiles.readings import Kind
from firmware_profiles.wire_record import GatewayClock

LONGEST_LOOK: Final = timedelta(days=31 + 2 + 7)
"""How far back any rule looks: its days, its grace, and a week whose end lies in them."""

# Gateways speak once a minute; of an older word nobody knows whether it still holds.
_FRESH: Final = timedelta(minutes=10)
_MINUTE_S: Final = 60


class ClockSilence(StrEnum):
    """Why nobody is called although a rule is breached."""

    SILENCE_WINDOW = "silence_window"
    SERVICE_BEHIND = "service_behind"
    GATEWAY_SILENT = "gateway_silent"
    TOLD_FOR_ANOTHER = "told_for_another"
    QUIET_HOURS = "quiet_hours"
    NOT_ENROLLED = "not_enrolled"


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that is breached now, of one patient and family.

    Attributes:
        subjects: what it is about, ids of gateways and peripherals; empty where it is about the patient.
        link: which link is missing, of missing readings.
        window_id: in which window silence is expected.
    """

    patient_id: UUID
    rule: Rule
    sentence: str
    next_step: str
    subjects: frozenset[str] = frozenset()
    link: Link | None = None
    silence: ClockSilence | None = None
    window_id: UUID | None = None


class NoFinding(StrEnum):
    """What a rule says that is not breached."""

    FINE = "fine"
    UNKNOWN = "unknown"


Verdict = Finding | NoFinding


@dataclass(frozen=True, slots=True)
class Practice:
    """What is known of a practice at an instant.

    Attributes:
        homes: by patient.
        measured: by patient and kind, back to the longest look.
        agreements: the default and the patients' own, by patient; None for the default.
        windows: those that end within the longest look or later.
        memberships: of those for whom somebody cares; nobody else is asked about.
        is_quiet: whether nobody is there for what may wait.
        told: patient and family of what somebody was called about and goes on, or whose episode is open: of several
            patients of a home, theirs speaks for all.
    """

    homes: Mapping[UUID, Home]
    measured: Mapping[tuple[UUID, Kind], Measured]
    agreements: Mapping[UUID | None, Sequence[Agreement]]
    windows: Sequence[SilenceWindow]
    memberships: Mapping[UUID, Memberships]
    service: OwnService
    is_quiet: bool
    told: Collection[tuple[UUID, str]] = ()


@dataclass(frozen=True, slots=True)
class HomeNow:
    """One home at one instant."""

    practice: Practice
    home: Home
    now: datetime

    def about(self, rule: Rule) -> Verdict:
        """Return what a rule about silence or a technical matter says of the home."""
        signal = rule.spec.signal
        if not isinstance(signal, ClockSignal):
            return NoFinding.UNKNOWN
        found: Verdict
        match signal:
            case Missing():
                found = self._missing(rule, signal)
            case BatteryLow():
                found = self._battery_low(rule, signal)
            case GatewaySilent():
                found = self._gateway_silent(rule, signal)
            case ClockWrong(of=ClockOf.PERIPHERAL):
                found = self._peripheral_clock(rule, signal)
            case ClockWrong():
                found = self._gateway_clock(rule, signal)
            case _:
                assert_never(signal)
        if not isinstance(found, Finding) or found.silence is not None:
            return found
        window = next((one for one in self._windows() if one.covers(self.now)), None)
        if window is None:
            return found
        return replace(found, silence=ClockSilence.SILENCE_WINDOW, window_id=window.window_id)

    def _windows(self) -> list[SilenceWindow]:
        gateway_ids = self.home.gateways
        return [
            one for one in self.practice.windows if one.is_about(self.home.patient_id, gateway_ids)
        ]

    def _missing(self, rule: Rule, signal: Missing) -> Verdict:
        until = self.now - timedelta(hours=signal.grace_hours)
        after = until - timedelta(days=signal.within_days)
        enough = min(signal.missed, self._agreed_on(signal.kind, after, until))
        if not enough:
            return NoFinding.FINE
        occasions = self._occasions(signal.kind, after, until)
        measured = self.practice.measured.get((self.home.patient_id, signal.kind), Measured())
        windows = self._windows()
        excused = {
            one: window.window_id
            for one in occasions
            for window in windows
            if window.overlaps(one.from_at, one.until_at)
        }
        due = [one for one in occasions if one not in excused]
        window_id = None
        newest = _newest_missed(due, measured, enough)
        if newest is None:
            newest = _newest_missed(occasions, measured, enough)
            if newest is None:
                return NoFinding.FINE
            window_id = excused.get(newest) or next(iter(excused.values()))
        return self._missing_finding(rule, signal, newest, due or occasions, measured, window_id)

    def _missing_finding(
        self,
        rule: Rule,
        signal: Missing,
        newest: Expected,
        counted: Sequence[Expected],
        measured: Measured,
        window_id: UUID | None,
    ) -> Finding:
        came = schedule.attend(counted, measured.measured_ats)
        found = missing_link.diagnose(
            self.home,
            signal.kind,
            (newest.from_at, newest.until_at),
            self.practice.service,
            self.now,
        )
        silence = None
        if window_id is not None:
            silence = ClockSilence.SILENCE_WINDOW
        elif found.link is Link.SERVICE:
            silence = ClockSilence.SERVICE_BEHIND
        return Finding(
            patient_id=self.home.patient_id,
            rule=rule,
            sentence=f"{kinds.OF[signal.kind].title}: {came.missed} of {came.expected} agreed measurements"
            f" of {signal.within_days} days are missing. {found.sentence}",
            next_step=found.next_step,
            link=found.link,
            silence=silence,
            window_id=window_id,
        )

    def _agreed_on(self, kind: Kind, after: datetime, until: datetime) -> int:
        """Return how many measurements the schedule in force asks for in so many days, whoever was there for them."""
        held = [*self.practice.agreements.get(None, ())]
        held += self.practice.agreements.get(self.home.patient_id, ())
        holds = agreements.in_force(held, self.home.patient_id, kind, self.now)
        if holds is None:
            return 0
        ended = schedule.ended(holds.schedule, self.home.zone, after, until)
        return sum(one.readings for one in ended)

    def _occasions(self, kind: Kind, after: datetime, until: datetime) -> list[Expected]:
        """Return what was expected: by the default only of who has what measures it, and since then."""
        owned = self.home.of_kind(kind)
        default, own = (
            [one for one in self.practice.agreements.get(whose, ()) if one.schedule.kind is kind]
            for whose in (None, self.home.patient_id)
        )
        if not owned and not own:
            return []
        since = min((one.assigned_from for one in owned), default=after)
        found = agreements.occasions(default if owned else [], own, self.home.zone, after, until)
        return [one for one in found if one.from_at >= since]

    def _battery_low(self, rule: Rule, signal: BatteryLow) -> Verdict:
        known = [
            (one, one.battery_percent)
            for one in self.home.peripherals
            if one.battery_percent is not None
        ]
        if not known:
            return NoFinding.UNKNOWN
        low = [(one, percent) for one, percent in known if percent <= signal.at_or_below_percent]
        if not low:
            return NoFinding.FINE
        told = [
            f"{_device(one.kinds)} {percent} %"
            + ("" if one.battery_at is None else f" on {_local(one.battery_at, self.home.zone)}")
            for one, percent in low
        ]
        return Finding(
            self.home.patient_id,
            rule,
            f"Nearly empty battery: {'; '.join(told)} (limit: {signal.at_or_below_percent} %).",
            "Send new batteries, or ask the home to change them.",
            frozenset(str(one.peripheral_id) for one, _ in low),
        )

    def _gateway_silent(self, rule: Rule, signal: GatewaySilent) -> Verdict:
        hearing = self.practice.service.hearing
        heard = [
            (one, one.heard_at) for one in self.home.gateways.values() if one.heard_at is not None
        ]
        if not heard or hearing is None or self.practice.service.trouble(self.now):
            return NoFinding.UNKNOWN  # who is deaf can call nobody silent
        since = self.now - timedelta(hours=signal.hours)
        silent = [(one, heard_at) for one, heard_at in heard if heard_at < since]
        if not silent:
            return NoFinding.FINE
        if hearing.since_at > since:
            return NoFinding.UNKNOWN
        told = [
            f"“{one.label}” has said nothing since {_local(heard_at, self.home.zone)}"
            for one, heard_at in silent
        ]
        return Finding(
            self.home.patient_id,
            rule,
            f"The gateway {'; '.join(told)} (limit: {signal.hours:g} h).",
            "Ask the home whether the box has power and network. What it holds comes when it is back.",
            frozenset(one.gateway_id for one, _ in silent),
        )

    def _peripheral_clock(self, rule: Rule, signal: ClockWrong) -> Verdict:
        known = {
            kind: measured.clock_off_s
            for kind in {kind for one in self.home.peripherals for kind in one.kinds}
            if (measured := self.practice.measured.get((self.home.patient_id, kind))) is not None
            and measured.clock_off_s is not None
        }
        if not known:
            return NoFinding.UNKNOWN
        off = {kind: s for kind, s in known.items() if abs(s) > signal.minutes * _MINUTE_S}
        if not off:
            return NoFinding.FINE
        told = [
            f"{kinds.OF[kind].device}, {_span(abs(off_s))} {'behind' if off_s > 0 else 'ahead'}"
            for kind, off_s in sorted(off.items())
        ]
        owned = [one for one in self.home.peripherals if off.keys() & set(one.kinds)]
        return Finding(
            self.home.patient_id,
            rule,
            f"Clock wrong at the last reading: {'; '.join(told)} (limit: {signal.minutes:g} min)."
            " The times of readings are corrected by it.",
            "Have its clock set, or its batteries changed where it forgets the time.",
            frozenset(str(one.peripheral_id) for one in owned),
        )

    def _gateway_clock(self, rule: Rule, signal: ClockWrong) -> Verdict:
        fresh = [
            one
            for one in self.home.gateways.values()
            if one.heard_at is not None and self.now - one.heard_at <= _FRESH
        ]
        if not fresh:
            return NoFinding.UNKNOWN
        wrong = [(one, told) for one in fresh if (told := _gateway_clock(one, signal.minutes))]
        if not wrong:
            return NoFinding.FINE
        return Finding(
            self.home.patient_id,
            rule,
            "; ".join(f"The clock of the gateway “{one.label}” {told}" for one, told in wrong)
            + f" (limit: {signal.minutes:g} min).",
            "See that the box reaches a time server (NTP).",
            frozenset(one.gateway_id for one, _ in wrong),
        )


def _newest_missed(
    occasions: Sequence[Expected], measured: Measured, enough: int
) -> Expected | None:
    """Return the newest occasion if enough measurements are missing and it is one of those that were not met."""
    came = schedule.attend(occasions, measured.measured_ats)
    if came.missed < enough or came.is_last_met:
        return None
    return max(occasions, key=lambda one: (one.until_at, one.from_at))


def _gateway_clock(one: Gateway, minutes: float) -> str:
    if one.clock_off_s is not None and abs(one.clock_off_s) > minutes * _MINUTE_S:
        way = "ahead" if one.clock_off_s > 0 else "behind"
        return f"is {_span(abs(one.clock_off_s))} {way}"
    return "is not set by any time server" if one.clock is GatewayClock.UNSYNCHRONISED else ""


def _device(measured_kinds: Sequence[Kind]) -> str:
    return " and ".join(dict.fromkeys(kinds.OF[kind].device for kind in measured_kinds)) or "device"


def _span(seconds: float) -> str:
    minutes = round(seconds / _MINUTE_S)
    if minutes < 2 * 60:
        return f"{minutes} min"
    return f"{minutes / 60:.0f} h" if minutes < 2 * 24 * 60 else f"{minutes / (24 * 60):.0f} days"


def _local(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M}"
