"""A gateway's configuration: which peripherals, by which profiles, at which pace, and whether the box follows.

Each form changes one part and makes a version of all of it, on the version that the person looked at.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, TypeVar

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from ccm_link.console import problems, surroundings
from ccm_link.console.desk import AtDesk, Cursor, Desk
from ccm_link.console.posted import configuration_inputs as posted
from ccm_link.console.posted import forms
from ccm_link.console.posted.forms import NOTHING_REFUSED, Fields, Posted, Refusal
from ccm_link.console.routes import permissions
from ccm_link.console.routes.permissions import Action, Resource
from ccm_link.console.words import configuration_words
from firmware_profiles import gateway_configuration, models
from firmware_profiles.gateway_configuration import AllowedPeripheral, ProfileFile, Schedule
from ingest import errors, gateway_configurations, people, store
from ingest.directory import Gateway, Standing
from ingest.errors import ConfigurationReason
from ingest.gateway_configurations import Version, Wanted
from ingest.signing import Signer

router = APIRouter(prefix="/gateways/{gateway_id}/configuration", include_in_schema=False)

_Given = TypeVar("_Given", bound=posted.OnVersion)

_NOTHING: Final = Wanted()
# Reason → the field of whichever form that it is about; what is missing here is about the whole.
_FIELDS: Final[Mapping[ConfigurationReason, str]] = {
    ConfigurationReason.NAMES_A_PATIENT: "name",
    ConfigurationReason.BROKEN_PROFILE: "text",
    ConfigurationReason.PROFILE_NOT_HERE: "text",
}
_SIGNER_AWAY: Final = problems.Problem(
    503,
    "Nothing can be signed now",
    "A box follows only what the signer has signed, and the signer does not answer. Nothing was changed.",
    "Try again in some minutes; if it goes on, tell the operator.",
    "signer_away",
)


@router.get("")
def configuration_page(desk: AtDesk, gateway_id: str) -> HTMLResponse:
    """Show what a gateway should do, and how far it does."""
    with desk.transaction() as cur:
        return _show(desk, cur, gateway_id)


@router.post("/peripherals")
def allow(desk: AtDesk, gateway_id: str, fields: Posted) -> Response:
    """Let the gateway connect to a peripheral."""

    def change(before: Wanted, given: posted.AllowPeripheral) -> Wanted:
        others = [one for one in before.peripherals if one.address != given.address]
        added = AllowedPeripheral(given.address, given.profile_id, given.name)
        return replace(before, peripherals=(*others, added))

    return _change(desk, gateway_id, "peripheral", fields, posted.AllowPeripheral, change)


@router.post("/peripherals/remove")
def remove_peripheral(desk: AtDesk, gateway_id: str, fields: Posted) -> Response:
    """Let the gateway connect to a peripheral no more."""

    def change(before: Wanted, given: posted.RemovePeripheral) -> Wanted:
        others = tuple(one for one in before.peripherals if one.address != given.address)
        return replace(before, peripherals=others)

    return _change(desk, gateway_id, "peripheral", fields, posted.RemovePeripheral, change)


@router.post("/schedule")
def set_schedule(desk: AtDesk, gateway_id: str, fields: Posted) -> Response:
    """Set the gateway's pauses."""

    def change(before: Wanted, given: posted.SetSchedule) -> Wanted:
        schedule = Schedule(given.revisit_after_s, given.resend_after_s, given.status_every_s)
        return replace(before, schedule=schedule)

    return _change(desk, gateway_id, "schedule", fields, posted.SetSchedule, change)


@router.post("/profiles")
def add_profile(desk: AtDesk, gateway_id: str, fields: Posted) -> Response:
    """Give the gateway a device profile of the site's own."""

    def change(before: Wanted, given: posted.AddProfile) -> Wanted:
        others = [one for one in before.profile_files if one.file_name != given.file_name]
        return replace(before, profile_files=(*others, ProfileFile(given.file_name, given.text)))

    return _change(desk, gateway_id, "profile", fields, posted.AddProfile, change)


@router.post("/profiles/remove")
def remove_profile(desk: AtDesk, gateway_id: str, fields: Posted) -> Response:
    """Take a device profile away."""

    def change(before: Wanted, given: posted.RemoveProfile) -> Wanted:
        others = tuple(one for one in before.profile_files if one.file_name != given.file_name)
        return replace(before, profile_files=others)

    return _change(desk, gateway_id, "profile", fields, posted.RemoveProfile, change)


@router.post("/again")
def make_again(desk: AtDesk, gateway_id: str, fields: Posted) -> Response:
    """Make the same configuration once more: under a new number, signed with the key of now."""
    return _change(
        desk, gateway_id, "again", fields, posted.MakeAgain, lambda before, _given: before
    )


def _change(
    desk: Desk,
    gateway_id: str,
    form: str,
    fields: Fields,
    model: type[_Given],
    change: Callable[[Wanted, _Given], Wanted],
) -> Response:
    given, complaints = forms.check(model, fields)
    refusal = Refusal(form, fields, complaints)
    if given is not None:
        try:
            with desk.transaction() as cur:
                _make(desk, cur, gateway_id, given.based_on, lambda before: change(before, given))
        except errors.ConfigurationRefused as error:
            refusal = _refusal(form, fields, error)
        except errors.SignerAway:
            refusal = Refusal(form, fields, problem=_SIGNER_AWAY)
        else:
            return RedirectResponse(f"/gateways/{gateway_id}/configuration", 303)
    with desk.transaction() as cur:
        return _show(desk, cur, gateway_id, refusal)


def _make(
    desk: Desk, cur: Cursor, gateway_id: str, based_on: int, change: Callable[[Wanted], Wanted]
) -> None:
    _gateway(desk, cur, gateway_id)
    before = gateway_configurations.latest(cur, desk.practice_id, gateway_id)
    made = gateway_configurations.make(
        cur,
        desk.practice_id,
        gateway_id,
        change(before.wanted if before else _NOTHING),
        based_on=based_on,
        signer=Signer(surroundings.of(desk.request).settings.signer_socket),
        made_by=str(desk.staff_id),
        at=desk.now,
    )
    desk.changed(
        Resource.GATEWAY,
        gateway_id,
        before=_in_trail(before) if before else {"configuration": 0},
        after=_in_trail(made),
    )


def _in_trail(version: Version) -> dict[str, object]:
    """Return a version as the trail names it: counted and hashed, for names and addresses stay out."""
    wanted = version.wanted
    return {
        "configuration": version.number,
        "peripherals": len(wanted.peripherals),
        "profile_files": len(wanted.profile_files),
        "content": f"sha256:{hashlib.sha256(version.content).hexdigest()}",
    }


def _refusal(form: str, fields: Fields, error: errors.ConfigurationRefused) -> Refusal:
    field = _FIELDS.get(error.reason)
    words = f"{str(error)[:1].upper()}{str(error)[1:]}."
    if field is not None and field in fields:
        return Refusal(form, fields, {field: words})
    problem = problems.Problem(
        409, "The configuration stays as it is", words, "Look at what holds now, and decide again."
    )
    return Refusal(form, fields, problem=problem)


def _gateway(desk: Desk, cur: Cursor, gateway_id: str) -> Gateway:
    found = (one for one in store.gateways(cur, desk.practice_id) if one.gateway_id == gateway_id)
    gateway = next(found, None)
    if gateway is None:
        raise problems.Refused(problems.NOT_FOUND)
    return gateway


def _show(
    desk: Desk, cur: Cursor, gateway_id: str, refusal: Refusal = NOTHING_REFUSED
) -> HTMLResponse:
    gateway = _gateway(desk, cur, gateway_id)
    latest = gateway_configurations.latest(cur, desk.practice_id, gateway_id)
    following = gateway_configurations.following(cur, desk.practice_id, gateway_id)
    wanted = latest.wanted if latest else _NOTHING
    names = {str(one.staff_id): one.display_name for one in people.staff(cur, desk.practice_id)}
    may_change = permissions.may(desk.who, Resource.GATEWAY, Action.CHANGE)
    desk.saw(resource_id=gateway_id, peripherals=len(wanted.peripherals))
    return desk.page(
        cur,
        "gateway_configuration.html",
        status=200 if refusal is NOTHING_REFUSED else refusal.status,
        gateway=gateway,
        number=latest.number if latest else 0,
        wanted=wanted,
        following=following,
        state=configuration_words.state(latest.number if latest else 0, following),
        history=[
            (one, names.get(one.made_by, one.made_by))
            for one in gateway_configurations.history(cur, desk.practice_id, gateway_id)
        ],
        profiles=[
            ("", "What its advertisement says"),
            *((one.profile_id, f"{one.title} ({one.profile_id})") for one in models.profiles()),
        ],
        bounds=gateway_configuration.BOUNDS,
        may_change=may_change and gateway.status is not Standing.REVOKED,
        refusal=refusal,
    )
