"""Whether a configuration that came from the server is to be followed. Pure: bytes in, a decision out.

A configuration is followed whole or not at all. What is checked, in this order, because nothing of a message is
believed before its signature: key, signature, format, gateway, number, profiles.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from firmware_profiles import errors as leaf_errors
from firmware_profiles import gateway_configuration, models, profile_file, signed_configuration
from firmware_profiles.device_profile import DeviceProfile
from firmware_profiles.errors import WireReason
from firmware_profiles.gateway_configuration import GatewayConfiguration, ProfileFile
from firmware_profiles.profile_file import ProfileFileError
from firmware_profiles.signed_configuration import (
    MAX_DETAIL_CHARACTERS,
    ConfigurationRefusal,
    Refused,
    SignedConfiguration,
)
from firmware_profiles.toml_tables import Mistake
from gateway import configuration_keys
from gateway.configuration_keys import ConfigurationKeys
from gateway.configuration_store import Kept

_CUT_OFF: Final = " …"


@dataclass(frozen=True, slots=True)
class Accepted:
    """A configuration to follow.

    Attributes:
        signed: as it came.
        key: what it was checked with.
        configuration: what it says.
        profiles: the site's own profiles: those in it, and those that this machine has anyhow.
    """

    signed: SignedConfiguration
    key: Ed25519PublicKey
    configuration: GatewayConfiguration
    profiles: tuple[DeviceProfile, ...]


def judge(
    payload: bytes,
    keys: ConfigurationKeys,
    gateway_id: str,
    followed: Kept | None,
    own_profiles: Sequence[DeviceProfile],
) -> Accepted | Refused | None:
    """Decide about a message.

    Args:
        payload: The message's bytes, of any content.
        keys: One of them must have signed it.
        gateway_id: Who we are.
        followed: What is followed until now.
        own_profiles: The site's profiles that this machine has in a folder of its own.

    Returns:
        What to follow from now on; why not; or None where it is followed already.
    """
    try:
        signed = signed_configuration.decode(payload)
    except leaf_errors.WireError as error:
        return _refused(None, ConfigurationRefusal.UNREADABLE, str(error))
    key = keys.get(signed.key_id)
    if key is None:
        return _refused(None, ConfigurationRefusal.UNKNOWN_KEY)
    if not configuration_keys.has_signed(key, signed):
        return _refused(None, ConfigurationRefusal.BAD_SIGNATURE)
    try:
        configuration = gateway_configuration.decode(signed.content)
    except leaf_errors.WireError as error:
        is_other = error.reason is WireReason.WRONG_VERSION
        reason = ConfigurationRefusal.OTHER_FORMAT if is_other else ConfigurationRefusal.UNREADABLE
        return _refused(None, reason, str(error))
    if configuration.gateway_id != gateway_id:
        return _refused(configuration.number, ConfigurationRefusal.OTHER_GATEWAY)
    if followed is not None and followed.signed.content == signed.content:
        return None
    if followed is not None and configuration.number <= followed.configuration.number:
        is_same = configuration.number == followed.configuration.number
        reason = ConfigurationRefusal.SAME_NUMBER if is_same else ConfigurationRefusal.OLDER
        return _refused(
            configuration.number, reason, f"{followed.configuration.number} is followed"
        )
    profiles, broken = site_profiles(configuration.profile_files, own_profiles)
    if broken:
        return refused_for(configuration, broken)
    missing = missing_profiles(configuration, profiles)
    if missing:
        return _refused(
            configuration.number, ConfigurationRefusal.UNKNOWN_PROFILE, ", ".join(missing)
        )
    return Accepted(signed, key, configuration, profiles)


def site_profiles(
    files: Iterable[ProfileFile], own_profiles: Sequence[DeviceProfile]
) -> tuple[tuple[DeviceProfile, ...], list[ProfileFileError]]:
    """Read the profile files of a configuration, and put them beside those that this machine has anyhow.

    Returns:
        The profiles that can be used, and what is wrong with the other files: lines and reasons.
    """
    usable = {(one.profile_id, one.version): one for one in own_profiles}
    broken: list[ProfileFileError] = []
    for file in files:
        try:
            profile = profile_file.parse(file.file_name, file.text)
        except ProfileFileError as error:
            broken.append(error)
            continue
        name = (profile.profile_id, profile.version)
        if models.SHIPPED.get(*name) is not None or usable.setdefault(name, profile) != profile:
            taken = f"{profile.profile_id} version {profile.version} is another profile already"
            broken.append(ProfileFileError(file.file_name, [Mistake(0, taken)]))
    return tuple(usable.values()), broken


def refused_for(configuration: GatewayConfiguration, broken: Sequence[ProfileFileError]) -> Refused:
    """Return the refusal of a configuration with broken profiles: files, lines and reasons, as far as there is room."""
    told = "; ".join(line for error in broken for line in str(error).splitlines())
    return _refused(configuration.number, ConfigurationRefusal.BROKEN_PROFILE, told)


def missing_profiles(
    configuration: GatewayConfiguration, profiles: Iterable[DeviceProfile]
) -> list[str]:
    """Return the profiles that peripherals are to be talked to by and that are not there."""
    known = {one.profile_id for one in (*models.SHIPPED.versions, *profiles)}
    wanted = {one.profile_id for one in configuration.peripherals if one.profile_id is not None}
    return sorted(wanted - known)


def _refused(number: int | None, reason: ConfigurationRefusal, detail: str = "") -> Refused:
    line = "".join(letter if letter.isprintable() else " " for letter in detail)
    if len(line) > MAX_DETAIL_CHARACTERS:
        line = line[: MAX_DETAIL_CHARACTERS - len(_CUT_OFF)] + _CUT_OFF
    return Refused(number, reason, line)
