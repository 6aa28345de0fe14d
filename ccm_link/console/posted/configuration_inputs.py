"""What may be posted about a gateway's configuration: one part of it at a time, on the version that was looked at."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Interval
from pydantic import AfterValidator, BeforeValidator, StringConstraints

from ccm_link.console.posted.input_types import BasedOn, Seconds, readable, written
from ccm_link.console.posted.inputs import Input
from firmware_profiles import gateway_configuration


def _capitals(given: object) -> object:
    """Take an address as people write it: small letters, dashes."""
    return given.strip().upper().replace("-", ":") if isinstance(given, str) else given


def _within(bounds: gateway_configuration.Bounds) -> Interval:
    return Interval(ge=bounds.least_s, le=bounds.most_s)


# In the order in which they are applied, the last first.
Address = Annotated[
    str,
    written(gateway_configuration.ADDRESS.pattern, "Write an address like AA:BB:CC:DD:EE:FF."),
    BeforeValidator(_capitals),
]
ProfileId = Annotated[
    str, written(gateway_configuration.PROFILE_ID.pattern, "Choose one of the list.")
]
PlaceName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=40),
    AfterValidator(readable),
]
FileName = Annotated[
    str,
    written(
        gateway_configuration.FILE_NAME.pattern,
        "Write small letters, digits, dashes and underlines, with “.toml” behind.",
    ),
]
ProfileText = Annotated[
    str,
    StringConstraints(min_length=1, max_length=gateway_configuration.MAX_PROFILE_CHARACTERS),
    AfterValidator(readable),
]


class OnVersion(Input):
    """The version that was looked at; 0 where there was none."""

    based_on: BasedOn


class AllowPeripheral(OnVersion):
    """A peripheral that the gateway may connect to from now on; one of the same address is replaced."""

    address: Address
    profile_id: ProfileId | None = None
    name: PlaceName = ""


class RemovePeripheral(OnVersion):
    """A peripheral that it may not connect to any more."""

    address: Address


class SetSchedule(OnVersion):
    """Pauses in seconds; one left empty is the gateway's own."""

    revisit_after_s: Annotated[Seconds, _within(gateway_configuration.REVISIT)] | None = None
    resend_after_s: Annotated[Seconds, _within(gateway_configuration.RESEND)] | None = None
    status_every_s: Annotated[Seconds, _within(gateway_configuration.STATUS)] | None = None


class AddProfile(OnVersion):
    """A device profile of the site's own; one of the same file name is replaced."""

    file_name: FileName
    text: ProfileText


class RemoveProfile(OnVersion):
    """A device profile that goes."""

    file_name: FileName


class MakeAgain(OnVersion):
    """The same once more, under a new number and signed anew."""
