"""Measures and findings of a self-audit in plain words: what was counted, why it is looked at, what to do. Pure."""

from __future__ import annotations

from typing import Final

from ccm_link.billing.words import duration
from ccm_link.console.words import wording
from ccm_link.evidence.self_audit import Finding, Measure, Subject

_MEASURED: Final = {
    Subject.SUDDEN_START: "Many patients begun in one month",
    Subject.NO_RELATIONSHIP: "Monitored without a visit to us before",
    Subject.NO_MANAGEMENT: "A device billed, and never any management",
    Subject.SHARED: "Monitored by another practice too",
    Subject.SEVERAL_DEVICES: "A device billed more than once in a month",
    Subject.SET_UP_WITHOUT_SUPPLY: "A set-up billed, and never a device",
}
_TO_DO: Final = {
    Subject.SUDDEN_START: "Be ready to show how these patients were found, and that each was seen and asked.",
    Subject.NO_RELATIONSHIP: "Record the visits that there were; see whoever was never seen before the next claim.",
    Subject.NO_MANAGEMENT: "Look at whether anybody acts on these readings; without that they are no service.",
    Subject.SHARED: "Only one practice is paid: agree on which one, and end the other episode.",
    Subject.SEVERAL_DEVICES: "One unit in 30 days is paid, however many devices there are: void what is too much.",
    Subject.SET_UP_WITHOUT_SUPPLY: "Check that readings arrive; a set-up alone helps nobody.",
    Subject.CLAIMED_TWICE: "Void the later one.",
    Subject.SECOND_CLAIMED_TWICE: "Look at the entries, decide which counts, and correct the claim.",
    Subject.WITHOUT_GROUND: "Correct or void the claim.",
    Subject.LONG_DAY: "Ask whether timers were left running, and void what was not worked.",
    Subject.ROUND_ENTRIES: "Work has uneven lengths: use the timer, and enter by hand what was measured.",
    Subject.SAME_NOTES: "A note says what was done for this patient; the same words for many say nothing.",
}
_WHY: Final = {
    "voided": "of an entry that was voided since",
    "before_consent": "before any consent to the program",
    "not_in_care": "when the patient was not in care",
}


def title(measure: Measure) -> str:
    """Say what is measured."""
    return _MEASURED[measure.subject]


def figure(measure: Measure) -> str:
    """Say what came out, in one phrase."""
    if measure.is_flagged is None:
        return "nothing to measure yet"
    if measure.subject is Subject.SUDDEN_START:
        return f"{wording.count(measure.count, 'patient')} in {measure.month_on:%B %Y}"
    return f"{measure.count} of {measure.of} ({measure.percent:.0f} %)"


def limit(measure: Measure) -> str:
    """Say from where on it stands out."""
    if measure.limit_percent is None:
        return "beside the six months before"
    return "any" if measure.limit_percent == 0 else f"above {measure.limit_percent:.0f} %"


def to_do(subject: Subject) -> str:
    """Say what somebody should do about it."""
    return _TO_DO[subject]


def sentence(finding: Finding) -> str:
    """Say what was found, without naming a patient."""
    match finding.subject:
        case Subject.CLAIMED_TWICE:
            return f"{finding.code} is claimed again for days until {finding.on}."
        case Subject.SECOND_CLAIMED_TWICE:
            return f"{duration(finding.seconds)} that another claimed unit holds as well."
        case Subject.WITHOUT_GROUND:
            return f"{duration(finding.seconds)} {_WHY[finding.why]}."
        case Subject.LONG_DAY:
            return f"{finding.staff_name} logged {duration(finding.seconds)} on {finding.on}."
        case Subject.ROUND_ENTRIES:
            return (
                f"{finding.entries} of {finding.of} entries of {finding.staff_name} by hand are whole multiples"
                " of five minutes."
            )
        case Subject.SAME_NOTES:
            return (
                f"{finding.staff_name} wrote one note word for word into {finding.entries} entries"
                f" for {finding.patients} patients."
            )
        case _:
            raise ValueError(finding.subject)
