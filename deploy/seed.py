"""The demonstration practice: invented patients and staff, two homes. Passwords are made, not shipped."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Final
from uuid import UUID

import argon2
import psycopg

from alerts import practice_defaults
from ccm_link import enrolment
from gateway.ward import home as ward_home
from ingest import people

_PRACTICE_NAME: Final = "Millbrook Family Practice"
_PRACTICE_TIME_ZONE: Final = "America/New_York"
# Longer than any peripheral remembers, so that every replayed reading finds its patient.
_ASSIGNED_BEFORE: Final = timedelta(days=400)
_SET_UP_BY: Final = "deploy/up"


@dataclass(frozen=True, slots=True)
class Home:
    """A patient, the gateway in the patient's home, and the file of its virtual peripherals."""

    name: str
    gateway_id: str
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


HOMES: Final = (
    Home("home-1", "gw-home0001", "Amalia Thornquist", date(1951, 3, 17), "MFP-100482"),
    Home("home-2", "gw-home0002", "Bertram Oyelaran", date(1947, 11, 2), "MFP-100517"),
)


@dataclass(frozen=True, slots=True)
class SignIn:
    """How to sign in to the console as one invented person."""

    sign_in_name: str
    display_name: str
    role: people.Role
    password: str


@dataclass(frozen=True, slots=True)
class Demo:
    """What was set up: the practice and the people."""

    practice_id: UUID
    sign_ins: tuple[SignIn, ...]


_PEOPLE: Final = (
    ("casey", "Casey Lindqvist", people.Role.CARE_MANAGER),
    ("dana", "Dana Achterberg", people.Role.CLINICIAN),
    ("ozzie", "Ozzie Fairweather", people.Role.OPERATOR),
)


def ensure(owner_conninfo: str, file: Path, at: datetime) -> Demo:
    """Set the practice up in an empty database; otherwise return what ``file`` says of the earlier set-up.

    Args:
        owner_conninfo: Connection string of the database's owner.
        file: Where the demo's sign-ins are kept (JSON, mode 0600).
        at: Now, aware UTC.
    """
    with psycopg.connect(owner_conninfo) as connection, connection.cursor() as cur:
        if people.practices(cur):
            return _read(file)
        # Written before the commit: a sign-in nobody knows would be worse than one that never came to be.
        demo = _set_up(cur, at)
        file.touch(mode=0o600)
        file.write_text(
            json.dumps(
                {
                    "practice_id": str(demo.practice_id),
                    "sign_ins": [asdict(one) for one in demo.sign_ins],
                },
                indent=2,
            ),
            encoding="utf-8",
        )
    return demo


def _set_up(cur: people.Cursor, at: datetime) -> Demo:
    practice_id = people.add_practice(cur, name=_PRACTICE_NAME, time_zone=_PRACTICE_TIME_ZONE)
    sign_ins = tuple(SignIn(*person, password=_spoken_password()) for person in _PEOPLE)
    hasher = argon2.PasswordHasher()
    for one in sign_ins:
        people.add_staff(
            cur,
            practice_id,
            sign_in_name=one.sign_in_name,
            display_name=one.display_name,
            role=one.role,
            password_argon2=hasher.hash(one.password),
        )
    since = at - _ASSIGNED_BEFORE
    practice_defaults.adopt(cur, practice_id, set_by=_SET_UP_BY, at=since)
    for home in HOMES:
        _add_home(cur, practice_id, home, since)
    return Demo(practice_id, sign_ins)


def _add_home(cur: people.Cursor, practice_id: UUID, home: Home, since: datetime) -> None:
    ward = home.ward()
    people.add_gateway(cur, practice_id, gateway_id=home.gateway_id, label=home.name)
    patient_id = people.add_patient(
        cur,
        practice_id,
        display_name=home.display_name,
        born_on=home.born_on,
        record_number=home.record_number,
        time_zone=ward.ward.time_zone,
    )
    enrolment.enrol(
        cur, practice_id, patient_id, consent_documented_at=since, enrolled_by=_SET_UP_BY
    )
    for peripheral in ward.peripherals:
        peripheral_id = people.add_peripheral(
            cur, practice_id, bluetooth_address=peripheral.address, profile_id=peripheral.model
        )
        people.assign(
            cur,
            practice_id,
            peripheral_id=peripheral_id,
            user_slot=None,
            patient_id=patient_id,
            valid_from=since,
            valid_until=None,
            assigned_by=_SET_UP_BY,
        )


def _spoken_password() -> str:
    """Return 80 random bits in groups that can be read out: sixteen letters and digits without look-alikes."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    groups = ("".join(secrets.choice(letters) for _ in range(4)) for _ in range(4))
    return "-".join(groups)


def _read(file: Path) -> Demo:
    kept = json.loads(file.read_text(encoding="utf-8"))
    return Demo(UUID(kept["practice_id"]), tuple(SignIn(**one) for one in kept["sign_ins"]))
