"""Which identity the uplink shows to the broker.

Usually there is one. After a renewal there are two, until the broker has taken the new one: only then does the old
one go. While the new one is not taken, attempts alternate, so that a certificate that the broker does not want never
costs the connection.
"""

from __future__ import annotations

import logging
from types import MappingProxyType
from typing import Final, Protocol

from gateway import configuration_keys, errors
from gateway.configuration_keys import ConfigurationKeys
from gateway.errors import UplinkReason
from gateway.identity import BrokerAccess, Generation, IdentityFolder
from gateway.key_pair import UnfitError
from gateway.settings import NOT_SET, GatewaySettings

log = logging.getLogger(__name__)

_NO_KEYS: Final[ConfigurationKeys] = MappingProxyType({})


class Identities(Protocol):
    """What the uplink has to know and to tell. Everything runs in the event loop's thread."""

    @property
    def gateway_id(self) -> str:
        """Who this gateway is; the same for the life of the process."""

    @property
    def configuration_keys(self) -> ConfigurationKeys:
        """What one of must have signed a configuration; changes with a renewal."""

    def to_show(self) -> BrokerAccess:
        """Return the identity for the next attempt to connect."""

    def accepted(self, access: BrokerAccess) -> None:
        """Note that the broker has taken an identity."""

    def refused(self, access: BrokerAccess, reason: UplinkReason) -> None:
        """Note that a connection failed before the broker had taken an identity."""


class Fixed:
    """The one identity whose files the settings name; whoever wrote them renews it."""

    def __init__(
        self, access: BrokerAccess, configuration_keys: ConfigurationKeys = _NO_KEYS
    ) -> None:
        self._access = access
        self.configuration_keys = configuration_keys

    @property
    def gateway_id(self) -> str:
        """Return who this gateway is."""
        return self._access.gateway_id

    def to_show(self) -> BrokerAccess:
        """Return the only identity."""
        return self._access

    def accepted(self, access: BrokerAccess) -> None:
        """Change nothing."""

    def refused(self, access: BrokerAccess, reason: UplinkReason) -> None:
        """Change nothing."""


class Rotation:
    """The generations in the state folder that may speak: the newest and, until it is proved, the last proved one.

    Args:
        folder: Where they lie.
        generations: Whole ones, newest first, at least one.

    Attributes:
        newest: the newest generation.
        refusals: how often the broker has refused it.
        has_fallen_back: whether the broker took the older one last.
    """

    def __init__(self, folder: IdentityFolder, generations: list[Generation]) -> None:
        self._folder = folder
        self.newest = generations[0]
        # Another one under another name is left from before a new claim: it must never speak again.
        named = [one for one in generations if one.access.gateway_id == self.gateway_id]
        # The oldest is the one that was taken last: when that happens all before it go.
        self._candidates = [named[0], named[-1]] if len(named) > 1 else named
        self._next = 0
        self.refusals = 0
        self.has_fallen_back = False

    @property
    def gateway_id(self) -> str:
        """Return who this gateway is."""
        return self.newest.access.gateway_id

    @property
    def configuration_keys(self) -> ConfigurationKeys:
        """What one of must have signed a configuration: as the newest generation's answer said."""
        return self.newest.configuration_keys

    @property
    def is_proved(self) -> bool:
        """Whether the broker has taken the newest generation, or there never was another."""
        return len(self._candidates) == 1

    def to_show(self) -> BrokerAccess:
        """Return the identity for the next attempt to connect."""
        return self._candidates[self._next].access

    def accepted(self, access: BrokerAccess) -> None:
        """Note that the broker has taken an identity: if it is the newest, the others go."""
        self._next = 0  # the newest has the first try whenever the connection is made again
        self.has_fallen_back = access != self.newest.access
        if self.has_fallen_back:
            log.error("identity_fell_back", extra={"count": self.refusals})
            return
        self.refusals = 0
        if not self.is_proved:
            log.info("identity_proved", extra={"generation": self.newest.number})
            self._candidates = [self.newest]
        self._tidy_up()

    def refused(self, access: BrokerAccess, reason: UplinkReason) -> None:
        """Note that a connection failed before the broker had taken an identity: the other one is next."""
        if access == self.newest.access and reason is not UplinkReason.UNREACHABLE:
            self.refusals += 1
        self._next = (self._next + 1) % len(self._candidates)

    def add(self, generation: Generation) -> None:
        """Show a new generation first; the one that the broker took last stays until it has taken this one."""
        self._candidates = [generation, self._candidates[-1]]
        self.newest = generation
        self._next = 0
        self.refusals = 0
        self._tidy_up()

    def _tidy_up(self) -> None:
        try:
            self._folder.keep_only({candidate.number for candidate in self._candidates})
        except OSError as error:
            # It costs a little room until the next time.
            log.warning("old_identity_stays", extra={"error": type(error).__name__})


def opened(settings: GatewaySettings) -> Fixed | Rotation:
    """Return the identity that the settings name, or those in the state folder.

    Raises:
        IdentityError: this gateway was never enrolled, its identity is damaged, or others may read its key.
        ConfigurationError: the file of keys that the settings name cannot be used.
    """
    by_hand = given_by_hand(settings)
    if by_hand is not None:
        return Fixed(by_hand, _given_keys(settings))
    folder = IdentityFolder(settings.state_folder)
    return Rotation(folder, folder.usable())


def given_by_hand(settings: GatewaySettings) -> BrokerAccess | None:
    """Return the identity that the settings name; None if it is the one in the state folder."""
    if not settings.gateway_id:
        return None
    return BrokerAccess(
        gateway_id=settings.gateway_id,
        broker_host=settings.broker_host,
        broker_port=settings.broker_port,
        ca_file=settings.ca_file,
        certificate_file=settings.certificate_file,
        key_file=settings.key_file,
    )


def _given_keys(settings: GatewaySettings) -> ConfigurationKeys:
    file = settings.configuration_signers_file
    if file == NOT_SET:
        return _NO_KEYS
    try:
        return configuration_keys.read(file.read_bytes())
    except (OSError, UnfitError) as error:
        raise errors.ConfigurationError(
            f"[gateway] configuration_signers_file: {file} cannot be read as public keys (PEM)"
        ) from error
