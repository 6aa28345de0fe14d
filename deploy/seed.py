"""The demonstration practices: invented patients and staff, three homes. Passwords are made, not shipped.

Two practices, so that it can be seen that their people do not see each other. Everything is written as the owner, who
stands behind the same walls as everybody: each part enters the scope of its practice.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

import argon2
import psycopg

from alerts import activation, escalation, rule_set
from alerts.channels.message import Channel
from alerts.ladders import Rung, Whom
from alerts.measures import Severity
from ccm_link.billing.facts import StaffRole
from ccm_link.minutes import credentials
from ccm_link.program import enrolment
from deploy import errors, seed_programs
from deploy.seed_patients import Clinic
from gateway.ward import home as ward_home
from ingest import assignments, fleet, people, tenancy
from ingest.people import Role

# Longer than any peripheral remembers, so that every replayed reading finds its patient.
_ASSIGNED_BEFORE: Final = timedelta(days=400)
_SET_UP_BY: Final = "deploy/up"
# The number that CMS itself takes as its example of a check digit. Source: CMS, "Requirements for National Provider
# Identifier and NPI Check Digit" (2004).
_INVENTED_NPI: Final = "1234567893"


@dataclass(frozen=True, slots=True)
class Home:
    """A patient, and the file of the virtual peripherals in the patient's home."""

    name: str
    display_name: str
    born_on: date
    record_number: str

    @property
    def ward_file(self) -> Path:
        """Return the packaged file that describes the virtual peripherals."""
        return Path(str(resources.files("gateway.ward"))) / "homes" / f"{self.name}.toml"

    def ward(self) -> ward_home.Home:
        """Return the virtual peripherals of this home."""
        return ward_home.load(self.ward_file.read_text(encoding="utf-8"), {})


@dataclass(frozen=True, slots=True)
class _Practice:
    """A practice to set up: (name to sign in with, name to show, role) of its people, and its homes.

    ``shows_claims``: it has the way to a claim, and patients without a home; else all are in CCM, and no more is known.
    """

    slug: str
    name: str
    time_zone: str
    staff: tuple[tuple[str, str, Role], ...]
    homes: tuple[Home, ...]
    shows_claims: bool = False


_PRACTICES: Final = (
    _Practice(
        "millbrook",
        "Millbrook Family Practice",
        "America/New_York",
        (
            ("casey", "Casey Lindqvist", Role.CARE_MANAGER),
            ("dana", "Dana Achterberg", Role.CLINICIAN),
            ("ozzie", "Ozzie Fairweather", Role.OPERATOR),
            ("petra", "Petra Nowak", Role.PRACTICE_ADMINISTRATOR),
            # Who bills; no role is for that alone.
            ("bea", "Bea Kowalczyk", Role.PRACTICE_ADMINISTRATOR),
            ("augustin", "Augustin Bello", Role.AUDITOR),
        ),
        (
            Home("home-1", "Amalia Thornquist", date(1951, 3, 17), "MFP-100482"),
            Home("home-2", "Bertram Oyelaran", date(1947, 11, 2), "MFP-100517"),
        ),
        shows_claims=True,
    ),
    _Practice(
        "harborview",
        "Harborview Clinic",
        "America/Los_Angeles",
        (
            ("marlow", "Marlow Ibsen", Role.CARE_MANAGER),
            ("quinn", "Quinn Takahashi", Role.OPERATOR),
        ),
        (Home("home-3", "Ines Castellanos", date(1958, 7, 24), "HVC-2071"),),
    ),
)
HOMES: Final = tuple(home for practice in _PRACTICES for home in practice.homes)


@dataclass(frozen=True, slots=True)
class SignIn:
    """How to sign in to the console as one invented person."""

    sign_in_name: str
    display_name: str
    practice: str
    role: Role
    password: str


@dataclass(frozen=True, slots=True)
class HomeGateway:
    """Which gateway is expected in a home, and whose it is."""

    home: str
    practice_id: UUID
    gateway_id: str


@dataclass(frozen=True, slots=True)
class _Added:
    """A home that is set up."""

    gateway: HomeGateway
    patient_id: UUID
    peripheral_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Demo:
    """What was set up: the people of all practices and the gateways of all homes."""

    sign_ins: tuple[SignIn, ...]
    gateways: tuple[HomeGateway, ...]

    def gateway_of(self, home: str) -> HomeGateway:
        """Return the gateway that belongs in a home."""
        return next(found for found in self.gateways if found.home == home)


def ensure(conninfo: Callable[[str], str], file: Path, at: datetime) -> Demo:
    """Set the practices up in an empty database; otherwise return what ``file`` says of the earlier set-up.

    Args:
        conninfo: Maps a role to the connection string with which it reaches the database.
        file: Where the demo's sign-ins are kept (JSON, mode 0600).
        at: Now, aware UTC.
    """
    # The owner stands behind the walls too, and sees no practice before it is in its scope.
    with psycopg.connect(conninfo("homevitals_entrance")) as connection, connection.cursor() as cur:
        if people.practices(cur):
            return _read(file)
    with psycopg.connect(conninfo("homevitals_owner")) as connection, connection.cursor() as cur:
        made = [_set_up(cur, practice, at) for practice in _PRACTICES]
        demo = Demo(
            tuple(one for sign_ins, _ in made for one in sign_ins),
            tuple(one for _, gateways in made for one in gateways),
        )
        # Written before the commit: a sign-in nobody knows would be worse than one that never came to be.
        _write(file, demo)
    return demo


def claim_code(conninfo: Callable[[str], str], gateway: HomeGateway, at: datetime) -> str:
    """Issue the one-time code with which a gateway becomes one of ours; codes of before are void."""
    with (
        psycopg.connect(conninfo("homevitals_owner")) as connection,
        tenancy.transaction(connection, gateway.practice_id) as cur,
    ):
        return fleet.claim_code(
            cur, gateway.practice_id, gateway.gateway_id, created_by=None, at=at
        )


def _set_up(
    cur: people.Cursor, practice: _Practice, at: datetime
) -> tuple[list[SignIn], list[HomeGateway]]:
    practice_id = people.add_practice(
        cur, slug=practice.slug, name=practice.name, time_zone=practice.time_zone
    )
    hasher = argon2.PasswordHasher()
    sign_ins, staff_ids = [], []
    for name, display_name, role in practice.staff:
        password = _spoken_password()
        staff_id = people.add_staff(
            cur,
            practice_id,
            sign_in_name=name,
            display_name=display_name,
            role=role,
            password_argon2=hasher.hash(password),
        )
        staff_ids.append(staff_id)
        full_name = f"{name}@{practice.slug}"
        sign_ins.append(SignIn(full_name, display_name, practice.name, role, password))
    since = at - _ASSIGNED_BEFORE
    # Limits for single readings, so that something happens within a minute; a practice would take better rules.
    activation.activate(
        cur,
        practice_id,
        rule_set.shipped_set("single-limits"),
        clinician=_SET_UP_BY,
        reason="the demonstration",
        at=since,
    )
    for staff_id, (_, _, role) in zip(staff_ids, practice.staff, strict=True):
        _say_what_they_are(cur, practice_id, staff_id, role, since, at)
    _set_ladder(cur, practice_id, staff_ids[0], at)
    homes = [_add_home(cur, practice_id, home, since, at) for home in practice.homes]
    if practice.shows_claims:
        _show_claims(cur, practice_id, homes, at)
    else:
        for home in homes:
            enrolment.enrol(
                cur,
                practice_id,
                home.patient_id,
                consent_documented_at=since,
                enrolled_by=_SET_UP_BY,
            )
    return sign_ins, [home.gateway for home in homes]


def _show_claims(
    cur: people.Cursor, practice_id: UUID, homes: Sequence[_Added], at: datetime
) -> None:
    practice = people.practice(cur, practice_id)
    staff = {one.role: one for one in people.staff(cur, practice_id)}
    if practice is None:
        raise RuntimeError("a practice that was just added is there")
    clinic = Clinic(
        practice_id,
        ZoneInfo(practice.time_zone),
        staff[Role.CARE_MANAGER],
        staff[Role.CLINICIAN],
        at,
    )
    managed, monitored = homes
    seed_programs.fill(
        cur,
        clinic,
        in_ccm=managed.patient_id,
        in_rpm=monitored.patient_id,
        peripherals=monitored.peripheral_ids,
    )


def _say_what_they_are(
    cur: people.Cursor, practice_id: UUID, staff_id: UUID, role: Role, since: datetime, at: datetime
) -> None:
    """Have the minutes of nurses and clinicians count: of whom nothing is recorded, none do."""
    is_clinician = role is Role.CLINICIAN
    if not is_clinician and role is not Role.CARE_MANAGER:
        return
    new = credentials.NewCredential(
        practice_id=practice_id,
        staff_id=staff_id,
        credential=credentials.Credential.MD if is_clinician else credentials.Credential.RN,
        billing_role=StaffRole.QUALIFIED_PROFESSIONAL if is_clinician else StaffRole.CLINICAL_STAFF,
        npi=_INVENTED_NPI if is_clinician else None,
        employer=credentials.Employer.OWN,
        supervisor_staff_id=None,
        may_bill=is_clinician,
        exclusion_checked_on=None,
        from_at=since,
    )
    credentials.record(cur, new, recorded_by=staff_id, at=at)


def _set_ladder(cur: people.Cursor, practice_id: UUID, set_by: UUID, at: datetime) -> None:
    """Have urgent tasks called for on the console, which is the only channel that needs no other machine."""
    rungs = tuple(
        Rung(timedelta(minutes=minutes), whom, (Channel.CONSOLE,))
        for minutes, whom in ((0, Whom.OWNER), (5, Whom.PRACTICE_LINE))
    )
    escalation.set_ladder(
        cur,
        practice_id,
        Severity.URGENT,
        rungs,
        former_version=0,
        set_by=set_by,
        reason="the demonstration",
        at=at,
    )


def _add_home(
    cur: people.Cursor, practice_id: UUID, home: Home, since: datetime, at: datetime
) -> _Added:
    ward = home.ward()
    gateway_id = fleet.expect(cur, practice_id, home.name, at)
    patient_id = people.add_patient(
        cur,
        practice_id,
        display_name=home.display_name,
        born_on=home.born_on,
        record_number=home.record_number,
        time_zone=ward.ward.time_zone,
    )
    peripheral_ids = []
    for peripheral in ward.peripherals:
        peripheral_id = people.add_peripheral(
            cur, practice_id, bluetooth_address=peripheral.address, profile_id=peripheral.model
        )
        assignments.assign(
            cur,
            practice_id,
            peripheral_id=peripheral_id,
            user_slot=None,
            patient_id=patient_id,
            valid_from=since,
            assigned_by=_SET_UP_BY,
            at=at,
        )
        peripheral_ids.append(peripheral_id)
    gateway = HomeGateway(home.name, practice_id, gateway_id)
    return _Added(gateway, patient_id, tuple(peripheral_ids))


def _spoken_password() -> str:
    """Return 80 random bits in groups that can be read out: sixteen letters and digits without look-alikes."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    groups = ("".join(secrets.choice(letters) for _ in range(4)) for _ in range(4))
    return "-".join(groups)


def _write(file: Path, demo: Demo) -> None:
    file.touch(mode=0o600)
    file.write_text(json.dumps(asdict(demo), indent=2, default=str), encoding="utf-8")


def _read(file: Path) -> Demo:
    kept = json.loads(file.read_text(encoding="utf-8"))
    if "gateways" not in kept:
        raise errors.DeployError(
            "the data here is of an earlier version, whose gateways were not enrolled: run “./deploy/up --reset”"
        )
    return Demo(
        tuple(SignIn(**one) for one in kept["sign_ins"]),
        tuple(
            HomeGateway(**one | {"practice_id": UUID(one["practice_id"])})
            for one in kept["gateways"]
        ),
    )
