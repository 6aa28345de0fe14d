"""How the console says things: times, spans, readings, closed lists. Pure; English; no colour, no markup."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from alerts import rule_words
from alerts.home_verdicts import ClockSilence
from alerts.measures import Severity
from alerts.missing_link import Link
from alerts.rule_set import RuleSpec
from alerts.rules import Rule, Scope
from ccm_link import local_days
from ccm_link.console.words import (
    link_words,
    month_words,
    plan_words,
    planned_words,
    program_words,
    record_words,
    time_words,
)
from ccm_link.registry import conditions
from ccm_link.work import Activity, Disposition
from firmware_profiles import kinds
from firmware_profiles.readings import Kind
from ingest import audit, corrections
from ingest.access import Verdict, Why
from ingest.people import Role

_MINUTE_S: Final = 60
_HOUR_S: Final = 3600
_DAY_S: Final = 86_400

SKIPPED_HOUR: Final = "The clocks skipped this time on that day."
_FIELDS: Final = (
    {
        "a_week": "How many times a week",
        "activity": "Activity",
        "address": "Bluetooth address",
        "becomes": "What becomes of it",
        "channel": "Channel",
        "code": "Code",
        "contact-address": "Address or number",
        "contact-staff_id": "Whose it is",
        "days_later": "Days until its end",
        "cause": "Why silence is expected",
        "condition-source": "Where it is known from",
        "diagnosis": "Condition",
        "display_name": "Name as colleagues know it",
        "emergency-code": "Code of your second factor",
        "disposition": "What became of it?",
        "home-display_name": "Name",
        "emergency-reason": "Why do you need to look?",
        "duty": "Duty",
        "ended": "Until",
        "ends": "To",
        "evening": "Measurements in the evening",
        "evening_from": "Evening from",
        "evening_until": "Evening until",
        "every_weeks": "Every so many weeks",
        "first_on": "Day of the first one",
        "ended_on": "Day of the end",
        "explanation": "In your own words",
        "file_name": "Name of the file",
        "for_whom": "For whom",
        "from_on": "From the day",
        "from_time": "From the time",
        "gateway-label": "Name of the box",
        "find-name": "Exact name or record number",
        "how": "How",
        "hours-from_time": "Quiet from",
        "hours-until_time": "Quiet until",
        "kind": "What is measured",
        "last_on": "Last day on which one begins",
        "limit": "New limit",
        "morning": "Measurements in the morning",
        "morning_from": "Morning from",
        "morning_until": "Morning until",
        "new_password": "New password",
        "new_password_again": "New password again",
        "note": "What was done",
        "password": "Password",
        "owner_staff_id": "Colleague",
        "password-password": "Password until now",
        "practice": "Short name of your practice",
        "on_days": "On these days",
        "owner-patient_id": "Who measured",
        "owner-reason": "Why it was thought otherwise",
        "patient_id": "Patient",
        "peripheral-name": "Name",
        "profile-text": "Text of the file",
        "profile_id": "Profile",
        "question": "Which limit",
        "quiet_days": "Days on which nobody is there",
        "reason": "Why",
        "release-note": "Why you give it back",
        "assign-note": "What they should know",
        "chosen-reason": "Why they can wait, or what the colleague should know",
        "snooze-reason": "Why it can wait",
        "resend_after_s": "Before a record is sent again",
        "review-note": "What you found",
        "revisit_after_s": "Before a peripheral is asked again",
        "role": "Role",
        "rules_text": "Text of the rules",
        "shift-staff_id": "Who",
        "sign_in_name": "Name",
        "signature": "Your name, as a signature",
        "staff-sign_in_name": "Name to sign in with",
        "staff_id": "Who looks after the patient",
        "started": "From",
        "starts": "From",
        "status_every_s": "Between two words about itself",
        "time-reason": "Why no timer was running",
        "span-reason": "Why it was thought otherwise",
        "until_on": "Until the day",
        "until_time": "Until the time",
        "user_slot": "User of the peripheral",
        "verdict": "Was it justified?",
        "wait_minutes": "For how long",
        "weekly-staff_id": "Who",
        "whom": "Which gateway",
        "worked_on": "Day",
    }
    | link_words.FIELDS
    | month_words.FIELDS
    | planned_words.FIELDS
    | record_words.FIELDS
    | plan_words.FIELDS
    | time_words.FIELDS
    | program_words.FIELDS
)

_LINKS: Final = {
    Link.PATIENT: "The patient did not measure",
    Link.PERIPHERAL: "The device is silent",
    Link.CONVERSATION: "The device cannot be read",
    Link.GATEWAY: "The gateway is offline",
    Link.SERVICE: "Our own service is behind",
    Link.NO_PERIPHERAL: "The patient has no device for it",
    Link.UNKNOWN: "Unknown which link is missing",
}

_CLOCK_SILENCES: Final = {
    ClockSilence.SILENCE_WINDOW: "silence was expected",
    ClockSilence.SERVICE_BEHIND: "our own service was behind",
    ClockSilence.GATEWAY_SILENT: "the silent gateway of the home explains it",
    ClockSilence.TOLD_FOR_ANOTHER: "it was told once for all who live there",
    ClockSilence.QUIET_HOURS: "it waits until the quiet hours are over",
    ClockSilence.NOT_ENROLLED: "the patient is in no program",
}

_DEEDS: Final = {
    audit.Kind.SIGN_IN: "Signed in",
    audit.Kind.SIGN_OUT: "Signed out",
    audit.Kind.SESSION_ENDED: "Ended a session",
    audit.Kind.READ: "Looked",
    audit.Kind.CHANGE: "Changed",
    audit.Kind.EXPORT: "Exported",
    audit.Kind.RESTORED: "Restored from a backup",
    audit.Kind.BREAK_GLASS: "Took emergency access",
    audit.Kind.BREAK_GLASS_REVIEW: "Reviewed an emergency access",
    audit.Kind.CODE_ISSUED: "Issued a code",
    audit.Kind.GATEWAY_ENROLLED: "Enrolled",
    audit.Kind.GATEWAY_RENEWED: "Renewed the certificate",
    audit.Kind.GATEWAY_REVOKED: "Revoked",
    audit.Kind.GATEWAY_CUT_OFF: "Cut off",
}

DISPOSITIONS: Final = {
    Disposition.REACHED_ADVISED: "Reached the patient and advised",
    Disposition.REACHED_ESCALATED: "Reached the patient and escalated to a clinician",
    Disposition.NOT_REACHED: "Patient not reached",
    Disposition.TECHNIQUE_ERROR: "Measured wrongly (technique)",
    Disposition.DEVICE_FAULT: "Fault of the device",
    Disposition.EXPECTED_THRESHOLD_REVIEWED: "Expected for this patient, limit reviewed",
    Disposition.EMERGENCY_SERVICES_ADVISED: "Emergency services advised",
    Disposition.DONE: "Done",
    Disposition.NOT_NEEDED: "Not needed any more",
    Disposition.DECLINED: "The patient declined",
    Disposition.HANDED_OVER: "Handed over to somebody outside of the practice",
    Disposition.NO_LONGER_IN_CARE: "The patient is not in care here any more",
}

CAUSES: Final = {
    corrections.Cause.ASSIGNMENT: "The assignment of the peripheral was changed",
    corrections.Cause.PROFILE: "Read anew with a newer device profile",
}

WHY_EMERGENCY: Final = {
    Why.EMERGENCY: "The patient is in danger",
    Why.COVER: "Standing in for the care team",
    Why.PATIENT_ASKS: "The patient asks for it",
    Why.OTHER: "Something else",
}
VERDICTS: Final = {
    Verdict.JUSTIFIED: "Justified",
    Verdict.NOT_JUSTIFIED: "Not justified",
}


def span(seconds: float) -> str:
    """Return a span as its largest unit, rounded down: "40 seconds", "3 minutes", "2 hours", "5 days".

    Args:
        seconds: Elapsed seconds; a negative span (clocks disagree) reads as zero.
    """
    elapsed_s = max(int(seconds), 0)
    for unit_s, unit in ((_DAY_S, "day"), (_HOUR_S, "hour"), (_MINUTE_S, "minute")):
        if elapsed_s >= unit_s:
            return count(elapsed_s // unit_s, unit)
    return count(elapsed_s, "second")


def count(number: int, noun: str, plural: str = "") -> str:
    """Return "1 reading", "2 readings", "2 entries"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def sentence_case(text: str) -> str:
    """Return the text with its first letter large and all others as they are."""
    return text[:1].upper() + text[1:]


def ago(at: datetime, now: datetime) -> str:
    """Return "40 seconds ago", or "just now"."""
    elapsed_s = (now - at).total_seconds()
    return f"{span(elapsed_s)} ago" if elapsed_s >= 1 else "just now"


def due(due_at: datetime | None, now: datetime) -> str:
    """Return "Due in 14 minutes", "Overdue by 2 hours", or that it has no time."""
    if due_at is None:
        return "No due time"
    left_s = (due_at - now).total_seconds()
    return f"Due in {span(left_s)}" if left_s >= 0 else f"Overdue by {span(-left_s)}"


def day(on: date) -> str:
    """Return "7 Nov 2026"."""
    return f"{local_days.in_words(on)} {on.year}"


def clock(at: datetime, zone: ZoneInfo) -> str:
    """Return the wall clock time: "07:14"."""
    return f"{at.astimezone(zone):%H:%M}"


def interval(started_at: datetime, ended_at: datetime, zone: ZoneInfo) -> str:
    """Return the wall clock times of a span: "10:42 to 10:49:30"; seconds only where there are some."""
    ends = (at.astimezone(zone) for at in (started_at, ended_at))
    return " to ".join(f"{at:%H:%M:%S}" if at.second else f"{at:%H:%M}" for at in ends)


def hexadecimal(raw: bytes, most_bytes: int) -> str:
    """Return bytes in hex, in pairs, cut after ``most_bytes``."""
    shown = raw[:most_bytes].hex(" ")
    left = len(raw) - most_bytes
    return f"{shown} … and {count(left, 'byte')} more" if left > 0 else shown


def moment(at: datetime, zone: ZoneInfo) -> str:
    """Return day and wall clock time with the zone's short name: "7 Nov 2026, 07:14 EST"."""
    local = at.astimezone(zone)
    return f"{day(local.date())}, {local:%H:%M %Z}"


def utc(at: datetime) -> str:
    """Return the instant for a hover text: "2026-11-07 12:14:09 UTC"."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S UTC}"


def month(on: date) -> str:
    """Return "November 2026"."""
    return f"{on:%B %Y}"


def minutes(seconds: int) -> str:
    """Return full minutes, never rounded up, and the seconds left over: "4 min 10 s"."""
    whole, rest = divmod(seconds, _MINUTE_S)
    return f"{whole} min {rest} s" if rest else f"{whole} min"


def age(born_on: date, today: date) -> int:
    """Return completed years of life."""
    had_birthday = (today.month, today.day) >= (born_on.month, born_on.day)
    return today.year - born_on.year - (not had_birthday)


def role(of: Role) -> str:
    """Return a role: "care manager"."""
    return of.replace("_", " ")


def severity(level: Severity) -> str:
    """Return "Urgent", "Clinical", "Outreach" or "Technical"."""
    return level.capitalize()


def activity(of: Activity) -> str:
    """Return an activity: "Phone call"."""
    return of.replace("_", " ").capitalize()


def disposition(of: Disposition) -> str:
    """Return what became of a task."""
    return DISPOSITIONS[of]


def diagnosis(code: str) -> str:
    """Return a condition's code with what its category is called."""
    return conditions.words(code)


def field(form: str, name: str) -> str:
    """Return the label of a form's field."""
    return _FIELDS.get(f"{form}-{name}") or _FIELDS.get(name) or name.replace("_", " ")


def kind(of: Kind) -> str:
    """Return a kind of reading: "Blood pressure"."""
    return kinds.OF[of].title


def missing_link(of: Link) -> str:
    """Return which link is missing where a reading is: "The patient did not measure"."""
    return _LINKS[of]


def clock_silence(of: ClockSilence) -> str:
    """Return why nobody was called about silence: "silence was expected"."""
    return _CLOCK_SILENCES[of]


def trace_time(written: str, zone: ZoneInfo) -> str:
    """Return a time of a stored trace (RFC 3339) as :func:`moment` says it."""
    return moment(datetime.fromisoformat(written), zone)


def deed(of: audit.Kind) -> str:
    """Return what an event of the audit trail tells: "looked"."""
    return _DEEDS[of]


def cause(of: str) -> str:
    """Return why a reading got a new version."""
    return CAUSES[corrections.Cause(of)]


def slot(number: int | None) -> str:
    """Return a user of a peripheral: "user 2", or that it does not tell them apart."""
    return "does not tell users apart" if number is None else f"user {number}"


def rule(spec: RuleSpec) -> str:
    """Return what a rule watches for and how soon its task is due, in sentences."""
    return rule_words.sentence(spec)


def audience(scope: Scope, scope_key: str) -> str:
    """Return for whom rules are: "Everybody with I10, essential (primary) hypertension"."""
    match scope:
        case Scope.PRACTICE:
            return "The whole practice"
        case Scope.PROGRAM:
            return f"Everybody in {program(scope_key)}"
        case Scope.CONDITION:
            return f"Everybody with {conditions.words(scope_key)}"
        case Scope.PATIENT:
            return "One patient"


def why(of: Rule) -> str:
    """Return why a rule holds for a patient: "because of condition I10"."""
    match of.scope:
        case Scope.PRACTICE:
            return "for the whole practice"
        case Scope.PROGRAM:
            return f"because of {program(of.scope_key)}"
        case Scope.CONDITION:
            return f"because of condition {of.scope_key}"
        case Scope.PATIENT:
            return "for this patient"


def program(name: str) -> str:
    """Return a program as it is called within a sentence."""
    return program_words.NAMES.get(name, f"the program {name}")


def subject(family: str) -> str:
    """Return the subject that rules of a family share: "Systolic high"."""
    return sentence_case(family.replace("-", " "))
