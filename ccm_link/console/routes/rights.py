"""Who may do what with which resource: the table of roles that everything in the console goes by. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from ingest.people import Role, SignedIn


class Resource(StrEnum):
    """What the console shows and changes."""

    CONSOLE = "console"  # the start page and the API's description: nobody's
    OWN_ACCOUNT = "own_account"  # one's own password and second factor
    WORKLIST = "worklist"
    TASK = "task"
    PATIENT_RECORD = "patient_record"  # who the patient is, readings, charts, limits, minutes
    RULE = "rule"  # the limits of one patient
    PRACTICE_RULE = "practice_rule"  # what is asked about everybody, or all with a condition; and what that costs
    CONDITION = "condition"  # what a patient has, as codes
    CARE_PLAN = "care_plan"
    MEDICATION = "medication"  # what a patient takes
    STAY = "stay"  # hospital, nursing facility, emergency department
    EDUCATION = "education"  # lessons, and devices that were set up with a patient
    CARE_GAP = "care_gap"  # what the care of patients lacks
    REGISTRY = "registry"  # who the patients are, how they stand, who pays, how they are reached
    PROGRAM = "program"  # enrolments, consents, what they rest on, care teams, calls after hours
    PROGRAM_SET_UP = (
        "program_set_up"  # what a practice says once for all its programs: nobody's data
    )
    ESCALATION = "escalation"  # ladders, shifts, addresses: whom to call
    CALL = "call"  # that one is needed oneself
    QUIET_TIMES = "quiet_times"  # when what may wait does, and silence of gateways and the practice is expected
    TIME_LOG = "time_log"
    TIME_APPROVAL = (
        "time_approval"  # whether somebody else's time may count, and which of two entries does
    )
    MONTH_LOCK = "month_lock"
    CREDENTIAL = "credential"  # what staff are for billing
    TIMER = "timer"  # one's own
    MONTH = "month"  # what a month may be billed as, and what holds it
    CLAIM = "claim"  # what somebody vouches for, and what became of it
    EVIDENCE = "evidence"  # what claims rest on, and all of a patient's month in one packet
    SELF_AUDIT = "self_audit"  # claims and time as a reviewer would look at them
    PROGRAM_REPORT = "program_report"
    LINK = "link"  # where things go: EHR and webhooks
    OUTGOING = "outgoing"  # what waits for other systems, and did not arrive; no patient is named
    EHR_PATIENT = "ehr_patient"  # who a patient is in the EHR
    EXTERNAL_SYSTEM = "external_system"  # who may report time
    UNASSIGNED = "unassigned"  # readings that belong to nobody yet
    PERIPHERAL = "peripheral"  # cuffs and meters; whose they are is an assignment
    ASSIGNMENT = "assignment"  # who measures with which peripheral
    QUARANTINE = "quarantine"  # why, when, from which gateway
    QUARANTINE_BYTES = "quarantine_bytes"  # a reading may stand in them
    GATEWAY = "gateway"
    STAFF_ACCOUNT = "staff_account"
    HOME_ACCOUNT = "home_account"  # of patients and carers
    RESTRICTION = "restriction"  # whose data only a care team sees, and who is in it
    BREAK_GLASS = "break_glass"  # emergency access
    AUDIT_TRAIL = "audit_trail"
    OWN_RECORD = "own_record"  # what a person at home sees: one patient


class Action(StrEnum):
    """What can be done with a resource. Emergency access counts for :attr:`VIEW` alone."""

    VIEW = "view"
    CHANGE = "change"
    CREATE = "create"
    DISABLE = "disable"
    RESET = "reset"  # a password or second factor
    ISSUE_CODE = "issue_code"
    REVOKE = "revoke"
    EXPORT = "export"
    REQUEST = "request"
    REVIEW = "review"
    SIGN = "sign"  # under one's own name, so that it is in force
    OVERSEE = "oversee"  # also what concerns patients whom one does not see


Rule = tuple[Resource, Action]
Actions = frozenset[Action]

# Not a role: whoever knows the address.
ANYBODY: Final = None

_VIEW: Final = frozenset({Action.VIEW})
_WORK: Final = _VIEW | {Action.CHANGE}
_FLEET: Final = _WORK | {Action.CREATE, Action.ISSUE_CODE, Action.REVOKE}
_STAFF: Final = _WORK | {Action.CREATE, Action.DISABLE, Action.RESET}
_HOMES: Final = _VIEW | {Action.CREATE, Action.DISABLE, Action.ISSUE_CODE}
_TAKE_OUT: Final = _VIEW | {Action.EXPORT}

# What is not written here is not allowed.
MATRIX: Final[Mapping[Resource, Mapping[Role, Actions]]] = {
    Resource.CONSOLE: dict.fromkeys(Role, _VIEW),
    Resource.OWN_ACCOUNT: {
        Role.PRACTICE_ADMINISTRATOR: _WORK,
        Role.CARE_MANAGER: _WORK,
        Role.CLINICIAN: _WORK,
        Role.OPERATOR: _WORK,
        Role.AUDITOR: _WORK,
    },
    Resource.WORKLIST: {Role.CARE_MANAGER: _VIEW, Role.CLINICIAN: _VIEW},
    Resource.TASK: {Role.CARE_MANAGER: _WORK, Role.CLINICIAN: _WORK},
    Resource.PATIENT_RECORD: {Role.CARE_MANAGER: _TAKE_OUT, Role.CLINICIAN: _TAKE_OUT},
    Resource.RULE: {Role.CARE_MANAGER: _WORK, Role.CLINICIAN: _WORK},
    # A clinician signs for them; a practice can only retire noise that its administrators see as well.
    Resource.PRACTICE_RULE: {
        Role.PRACTICE_ADMINISTRATOR: _VIEW,
        Role.CARE_MANAGER: _VIEW,
        Role.CLINICIAN: _WORK,
    },
    Resource.CONDITION: {Role.CARE_MANAGER: _WORK, Role.CLINICIAN: _WORK},
    # Others of the care team write a plan; a clinician signs it.
    Resource.CARE_PLAN: {
        Role.CARE_MANAGER: _WORK,
        Role.CLINICIAN: _WORK | {Action.SIGN},
    },
    Resource.MEDICATION: {Role.CARE_MANAGER: _WORK, Role.CLINICIAN: _WORK},
    Resource.STAY: {Role.CARE_MANAGER: _WORK, Role.CLINICIAN: _WORK},
    Resource.EDUCATION: {Role.CARE_MANAGER: _WORK, Role.CLINICIAN: _WORK},
    Resource.CARE_GAP: {Role.CARE_MANAGER: _VIEW, Role.CLINICIAN: _VIEW},
    Resource.REGISTRY: {
        Role.CARE_MANAGER: _WORK | {Action.CREATE},
        Role.CLINICIAN: _WORK | {Action.CREATE},
    },
    Resource.PROGRAM: {Role.CARE_MANAGER: _WORK, Role.CLINICIAN: _WORK},
    Resource.PROGRAM_SET_UP: {
        Role.PRACTICE_ADMINISTRATOR: _WORK,
        Role.CARE_MANAGER: _VIEW,
        Role.CLINICIAN: _WORK,
    },
    # Everybody who can be on duty sees who is; addresses of colleagues are the administrator's.
    Resource.ESCALATION: {
        Role.PRACTICE_ADMINISTRATOR: _WORK,
        Role.CARE_MANAGER: _VIEW,
        Role.CLINICIAN: _VIEW,
    },
    Resource.CALL: {Role.CARE_MANAGER: _VIEW, Role.CLINICIAN: _VIEW},
    # Nothing clinical waits for them, so whoever works with what may wait can set them.
    Resource.QUIET_TIMES: {
        Role.PRACTICE_ADMINISTRATOR: _WORK,
        Role.CARE_MANAGER: _WORK,
        Role.CLINICIAN: _WORK,
        Role.OPERATOR: _WORK,
    },
    # Billing and its audit read the time log; they change nothing in it.
    Resource.TIME_LOG: {
        Role.PRACTICE_ADMINISTRATOR: _VIEW,
        Role.CARE_MANAGER: _WORK,
        Role.CLINICIAN: _WORK,
        Role.AUDITOR: _VIEW,
    },
    # Who supervises decides; nobody about their own time, which the database holds too.
    Resource.TIME_APPROVAL: {
        Role.PRACTICE_ADMINISTRATOR: _WORK | {Action.REVIEW},
        Role.CARE_MANAGER: _VIEW,
        Role.CLINICIAN: _VIEW | {Action.REVIEW},
        Role.AUDITOR: _VIEW,
    },
    Resource.MONTH_LOCK: {Role.PRACTICE_ADMINISTRATOR: frozenset({Action.CHANGE})},
    Resource.CREDENTIAL: {Role.PRACTICE_ADMINISTRATOR: _WORK, Role.AUDITOR: _VIEW},
    Resource.TIMER: {Role.CARE_MANAGER: _WORK, Role.CLINICIAN: _WORK},
    Resource.MONTH: {
        Role.PRACTICE_ADMINISTRATOR: _WORK,
        Role.CARE_MANAGER: _WORK,
        Role.CLINICIAN: _WORK,
        Role.AUDITOR: _VIEW,
    },
    # Who worked the minutes does not vouch for the claim.
    Resource.CLAIM: {
        Role.PRACTICE_ADMINISTRATOR: _WORK | {Action.SIGN, Action.EXPORT},
        Role.CARE_MANAGER: _VIEW,
        Role.CLINICIAN: _WORK | {Action.SIGN},
        Role.AUDITOR: _VIEW,
    },
    # Whoever answers for claims sees what each rests on, down to the reading.
    Resource.EVIDENCE: {
        Role.PRACTICE_ADMINISTRATOR: _TAKE_OUT,
        Role.CARE_MANAGER: _VIEW,
        Role.CLINICIAN: _TAKE_OUT,
        Role.AUDITOR: _TAKE_OUT,
    },
    Resource.SELF_AUDIT: {
        Role.PRACTICE_ADMINISTRATOR: _VIEW,
        Role.CLINICIAN: _VIEW,
        Role.AUDITOR: _VIEW,
    },
    Resource.PROGRAM_REPORT: {
        Role.PRACTICE_ADMINISTRATOR: _VIEW,
        Role.CARE_MANAGER: _VIEW,
        Role.CLINICIAN: _VIEW,
    },
    Resource.LINK: {Role.PRACTICE_ADMINISTRATOR: _WORK},
    Resource.OUTGOING: {
        Role.PRACTICE_ADMINISTRATOR: _WORK,
        Role.CARE_MANAGER: _WORK,
        Role.CLINICIAN: _WORK,
    },
    Resource.EHR_PATIENT: {Role.CARE_MANAGER: _WORK, Role.CLINICIAN: _WORK},
    Resource.EXTERNAL_SYSTEM: {Role.PRACTICE_ADMINISTRATOR: _WORK},
    Resource.UNASSIGNED: {Role.CARE_MANAGER: _VIEW, Role.CLINICIAN: _VIEW},
    # Who looks after the gateways sees what measures in the homes, not who measures with it.
    Resource.PERIPHERAL: {
        Role.PRACTICE_ADMINISTRATOR: _VIEW,
        Role.CARE_MANAGER: _VIEW,
        Role.CLINICIAN: _VIEW,
        Role.OPERATOR: _VIEW,
    },
    # It decides into which record a reading goes.
    Resource.ASSIGNMENT: {Role.CARE_MANAGER: _WORK, Role.CLINICIAN: _WORK},
    # Who looks after the gateways sees that something is unreadable and why, never what it was.
    Resource.QUARANTINE: {
        Role.CARE_MANAGER: _VIEW,
        Role.CLINICIAN: _VIEW,
        Role.OPERATOR: _WORK,  # who looks after the boxes has records tried again
    },
    Resource.QUARANTINE_BYTES: {Role.CARE_MANAGER: _VIEW, Role.CLINICIAN: _VIEW},
    Resource.GATEWAY: {
        Role.PRACTICE_ADMINISTRATOR: _FLEET,
        Role.CARE_MANAGER: _VIEW,
        Role.CLINICIAN: _VIEW,
        Role.OPERATOR: _FLEET,
    },
    Resource.STAFF_ACCOUNT: {Role.PRACTICE_ADMINISTRATOR: _STAFF},
    Resource.HOME_ACCOUNT: {Role.PRACTICE_ADMINISTRATOR: _HOMES, Role.CARE_MANAGER: _HOMES},
    Resource.RESTRICTION: {
        Role.PRACTICE_ADMINISTRATOR: _WORK | {Action.OVERSEE},
        Role.CLINICIAN: _WORK,
    },
    Resource.BREAK_GLASS: {
        Role.PRACTICE_ADMINISTRATOR: _VIEW | {Action.REVIEW},
        Role.CARE_MANAGER: frozenset({Action.REQUEST}),
        Role.CLINICIAN: frozenset({Action.REQUEST}),
        Role.AUDITOR: _VIEW,
    },
    Resource.AUDIT_TRAIL: {Role.PRACTICE_ADMINISTRATOR: _TAKE_OUT, Role.AUDITOR: _TAKE_OUT},
    Resource.OWN_RECORD: {Role.PATIENT: _VIEW, Role.CARER: _VIEW},
}

# A transaction of a route on one of these has to leave a line in the audit trail, or its answer is withheld.
WITH_PATIENTS: Final = frozenset(
    {
        Resource.WORKLIST,
        Resource.TASK,
        Resource.PATIENT_RECORD,
        Resource.RULE,
        Resource.PRACTICE_RULE,
        Resource.CONDITION,
        Resource.PROGRAM,
        Resource.CARE_PLAN,
        Resource.MEDICATION,
        Resource.STAY,
        Resource.EDUCATION,
        Resource.CARE_GAP,
        Resource.REGISTRY,
        Resource.TIME_LOG,
        Resource.MONTH,
        Resource.CLAIM,
        Resource.TIME_APPROVAL,
        Resource.MONTH_LOCK,
        Resource.TIMER,
        Resource.EVIDENCE,
        Resource.SELF_AUDIT,
        Resource.PROGRAM_REPORT,
        Resource.EHR_PATIENT,
        Resource.UNASSIGNED,
        Resource.PERIPHERAL,
        Resource.ASSIGNMENT,
        Resource.QUARANTINE,
        Resource.QUARANTINE_BYTES,
        Resource.HOME_ACCOUNT,
        Resource.RESTRICTION,
        Resource.BREAK_GLASS,
        Resource.AUDIT_TRAIL,
        Resource.OWN_RECORD,
    }
)


def may(who: SignedIn, resource: Resource, action: Action) -> bool:
    """Say whether a person's role includes an action, for links and buttons that would only lead to a refusal."""
    return action in MATRIX[resource].get(who.role, ())
