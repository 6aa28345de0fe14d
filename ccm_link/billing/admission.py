"""When seconds of a patient may count for a program: enrolled, with consent, alive and not an inpatient. Pure.

Source:
    CMS, Chronic Care Management frequently asked questions, 2022-08: consent comes before the service and a revocation
    takes effect at the end of the calendar month; minutes outside of a stay count, those in it do not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ccm_link.billing import intervals, periods
from ccm_link.billing.facts import InProgram, PatientMonth
from ccm_link.billing.fates import Fate
from ccm_link.billing.intervals import Spans
from ccm_link.month import Month

_Bars = list[tuple[Fate, Spans]]


@dataclass(frozen=True, slots=True)
class _Enrolment:
    enrolled_s: int
    bars: _Bars

    @property
    def allowed(self) -> Spans:
        return self._without(self.bars)

    @property
    def open(self) -> Spans:
        """When seconds can count, or could: a consent may still come, and nobody knows how long a stay will be."""
        may_pass = {Fate.NO_CONSENT, Fate.INPATIENT}
        return self._without([each for each in self.bars if each[0] not in may_pass])

    def _without(self, bars: _Bars) -> Spans:
        barred = intervals.union(span for _, spans in bars for span in spans)
        return intervals.without(intervals.ALWAYS, barred)


@dataclass(frozen=True, slots=True)
class Admission:
    """A patient's enrolments in one program.

    Attributes:
        enrolments: oldest first.
        allowed: when seconds can count.
    """

    enrolments: tuple[_Enrolment, ...]
    allowed: Spans

    @property
    def open(self) -> Spans:
        """Of what is still to come, when seconds can count or could, with a consent and at home."""
        return intervals.union(span for one in self.enrolments for span in one.open)

    def refused(self, spans: Spans) -> Iterator[tuple[Fate, Spans]]:
        """Yield the seconds of spans that cannot count, each with the reason of the last enrolment that had begun."""
        lost = intervals.without(spans, self.allowed)
        if not lost:
            return
        if not self.enrolments:
            yield Fate.NOT_ENROLLED, lost
            return
        begun = [one for one in self.enrolments if one.enrolled_s <= lost[0].from_s]
        for fate, barred in (begun or self.enrolments[:1])[-1].bars:
            yield fate, intervals.common(lost, barred)
            lost = intervals.without(lost, barred)


NONE: Final = Admission((), intervals.NEVER)


def admissions(known: PatientMonth) -> Mapping[str, Admission]:
    """Return the admission to each program that a patient is or was enrolled in."""
    found: dict[str, list[_Enrolment]] = {}
    for one in sorted(known.programs, key=lambda one: one.enrolled_at):
        enrolment = _Enrolment(intervals.second_of(one.enrolled_at), _bars(one, known))
        found.setdefault(one.program, []).append(enrolment)
    return {
        program: Admission(
            tuple(enrolments),
            intervals.union(span for one in enrolments for span in one.allowed),
        )
        for program, enrolments in found.items()
    }


def _bars(one: InProgram, known: PatientMonth) -> _Bars:
    """Return when nothing counts by one enrolment, and why."""
    bars = [(Fate.NOT_ENROLLED, intervals.before(one.enrolled_at))]
    if one.ended_at is not None:
        bars.append((Fate.NOT_ENROLLED, intervals.since(one.ended_at)))
    if one.consent_documented_at is None:
        bars.append((Fate.NO_CONSENT, intervals.ALWAYS))
    else:
        bars.append((Fate.NO_CONSENT, intervals.before(one.consent_documented_at)))
    if one.consent_revoked_at is not None:
        month = Month.of(one.consent_revoked_at, known.zone.key)
        end_of_month = periods.span_of_month(month, known.zone)[-1].until_at
        bars.append((Fate.AFTER_REVOCATION, intervals.since(end_of_month)))
    if known.died_at is not None:
        bars.append((Fate.AFTER_DEATH, intervals.since(known.died_at)))
    bars.append((Fate.INPATIENT, intervals.union(known.away)))
    return bars
