"""Who this gateway is: its key, its certificate and the way to its broker, kept as one generation.

Everything lies in ``identity/`` in the state folder:

=======================  ==================================================================================
``generation-000001/``   key, certificate, authority, the server's configuration keys, and who and where in
                         ``identity.json``: whole or not there
``unfinished/``          a generation on its way: its key, before the server is asked for the certificate
``discarded/``           one on its way out
=======================  ==================================================================================

A generation gets its number by one rename after all of it is on the disk, so a crash leaves the old generations or
the old ones and a whole new one, never a key of one with a certificate of another. The key is written before the
server is asked: a code is not spent, and no certificate issued, for a disk that cannot keep the answer.
"""

from __future__ import annotations

import json
import logging
import re
import shutil
from collections.abc import Set
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from firmware_profiles import errors as leaf_errors
from firmware_profiles import strict_json, topics, wire_fields
from gateway import configuration_keys, durable_file, errors, key_pair
from gateway.configuration_keys import ConfigurationKeys
from gateway.errors import IdentityReason

log = logging.getLogger(__name__)

_FOLDER: Final = "identity"
_UNFINISHED: Final = "unfinished"
_DISCARDED: Final = "discarded"
_NUMBERED: Final = re.compile(r"generation-([0-9]{6})")

_KEY: Final = "key.pem"
_CERTIFICATE: Final = "certificate.pem"
_AUTHORITY: Final = "authority.pem"
_SERVER_AUTHORITY: Final = "enrolment_authority.pem"
_CONFIGURATION_KEYS: Final = "configuration_keys.pem"
_WORDS: Final = "identity.json"
_MAX_WORDS_BYTES: Final = 8192
# Held while the server is asked and given up for its answer, which is smaller: a full disk shows before.
_ROOM: Final = "room"
_ROOM_BYTES: Final = 128 * 1024

HOST: Final = re.compile(r"[A-Za-z0-9.:_-]{1,253}")
_ADDRESS: Final = re.compile(r"[!-~]{1,2048}")


@dataclass(frozen=True, slots=True)
class BrokerAccess:
    """What it takes to reach the broker: who, where, and the three files of mutual TLS (PEM)."""

    gateway_id: str
    broker_host: str
    broker_port: int
    ca_file: Path
    certificate_file: Path
    key_file: Path


@dataclass(frozen=True, slots=True)
class Content:
    """All of a generation but its key.

    Attributes:
        gateway_id: who the server says we are.
        certificate_pem: ours.
        authority_pem: what the broker's certificate is checked against; several while one follows another.
        broker_host: name or address of the broker.
        broker_port: its TLS port.
        renew_after: when the next certificate should be asked for, UTC.
        enrolment_server: address of the server that gave it, which also renews it.
        enrolment_authority_pem: what that server is checked against; None for the system's own authorities.
        configuration_keys_pem: public keys, one of which must have signed a configuration for us; empty for none.
    """

    gateway_id: str
    certificate_pem: bytes
    authority_pem: bytes
    broker_host: str
    broker_port: int
    renew_after: datetime
    enrolment_server: str
    enrolment_authority_pem: bytes | None
    configuration_keys_pem: bytes


@dataclass(frozen=True, slots=True)
class Generation:
    """A whole generation on the disk.

    Attributes:
        number: counts up with every certificate.
        access: the way to the broker with it.
        certificate: what the certificate says.
        renew_after: when the next one should be asked for, UTC.
        enrolment_server: address of the server that renews it.
        enrolment_authority_file: what that server is checked against; None for the system's own authorities.
        configuration_keys: of which one must have signed a configuration for us; none where we never learned any.
    """

    number: int
    access: BrokerAccess
    certificate: key_pair.Certificate
    renew_after: datetime
    enrolment_server: str
    enrolment_authority_file: Path | None
    configuration_keys: ConfigurationKeys


class IdentityFolder:
    """The generations of one gateway. Whoever writes holds the state folder's lock."""

    def __init__(self, state_folder: Path) -> None:
        self.path = state_folder / _FOLDER

    def usable(self) -> list[Generation]:
        """Return all whole generations, newest first, at least one; a damaged one is passed over, and logged.

        Raises:
            IdentityError: there is none (ABSENT), none is whole (DAMAGED), or others may read a key (KEY_EXPOSED).
        """
        whole = self._whole()
        if whole:
            return whole
        if self.is_there:
            raise errors.IdentityError(
                IdentityReason.DAMAGED,
                f"the identity in {self.path} is damaged; restore it from a backup, or ask for a new claim code and run"
                " “homevitals-gateway enrol --replace”",
            )
        raise errors.IdentityError(
            IdentityReason.ABSENT,
            f"this gateway has no identity in {self.path}; ask for a claim code and run “homevitals-gateway enrol”",
        )

    def newest(self) -> Generation:
        """Return the newest whole generation.

        Raises:
            IdentityError: as `usable` does.
        """
        return self.usable()[0]

    @property
    def is_there(self) -> bool:
        """Whether this gateway was ever enrolled, whole or damaged."""
        return bool(self._numbers())

    @property
    def is_unfinished(self) -> bool:
        """Whether a certificate was asked for and nobody came back with it."""
        return (self.path / _UNFINISHED).exists()

    def begin(self, key_pem: bytes) -> None:
        """Keep the key of the next generation, and room for the rest of it.

        Raises:
            OSError: the disk refuses.
        """
        self.abandon()
        for folder in (self.path.parent, self.path, self.path / _UNFINISHED):
            if not folder.exists():
                folder.mkdir(mode=0o700, parents=True)
                durable_file.sync_folder(folder.parent)
        durable_file.replace(self.path / _UNFINISHED / _KEY, key_pem)
        durable_file.replace(self.path / _UNFINISHED / _ROOM, bytes(_ROOM_BYTES))

    def finish(self, content: Content) -> Generation:
        """Make the generation that was begun the newest; when this returns, it lasts.

        1. Write and fsync everything beside the key. 2. Give the folder its number by one rename. 3. Make that last.

        Raises:
            OSError: the disk refuses; the generation of before is still the newest.
        """
        unfinished = self.path / _UNFINISHED
        (unfinished / _ROOM).unlink()
        durable_file.replace(unfinished / _CERTIFICATE, content.certificate_pem)
        durable_file.replace(unfinished / _AUTHORITY, content.authority_pem)
        if content.enrolment_authority_pem is not None:
            durable_file.replace(unfinished / _SERVER_AUTHORITY, content.enrolment_authority_pem)
        durable_file.replace(unfinished / _CONFIGURATION_KEYS, content.configuration_keys_pem)
        durable_file.replace(unfinished / _WORDS, _words(content))
        number = max(self._numbers(), default=0) + 1
        unfinished.rename(self.path / f"generation-{number:06}")
        durable_file.sync_folder(self.path)
        return _load(self.path, number)

    def abandon(self) -> None:
        """Remove what was begun and not finished, and what was discarded and not yet gone."""
        self._remove(_UNFINISHED)
        self._remove(_DISCARDED)

    def keep_only(self, numbers: Set[int]) -> None:
        """Remove all other generations that are older than the newest of these, damaged ones too.

        A newer one stays in any case: a renewal may have put it there this very moment.

        Raises:
            OSError: the disk refuses.
        """
        for number in set(self._numbers()) - numbers:
            if number > max(numbers):
                continue
            self._remove(_DISCARDED)  # a crash may have left it
            # In one step out of sight, so that nobody ever meets half of one.
            (self.path / f"generation-{number:06}").rename(self.path / _DISCARDED)
            self._remove(_DISCARDED)

    def _whole(self) -> list[Generation]:
        whole = []
        for number in reversed(self._numbers()):
            try:
                whole.append(_load(self.path, number))
            except (key_pair.UnfitError, leaf_errors.WireError, OSError) as error:
                log.error(  # noqa: TRY400 - the type says enough
                    "identity_damaged",
                    extra={"generation": number, "error": type(error).__name__},
                )
        return whole

    def _remove(self, name: str) -> None:
        if (self.path / name).exists():
            shutil.rmtree(self.path / name)
            durable_file.sync_folder(self.path)

    def _numbers(self) -> list[int]:
        if not self.path.is_dir():
            return []
        found = (_NUMBERED.fullmatch(path.name) for path in self.path.iterdir())
        return sorted(int(match[1]) for match in found if match is not None)


def _load(folder: Path, number: int) -> Generation:
    """Read a generation and hold its parts against each other."""
    path = folder / f"generation-{number:06}"
    _require_private(path / _KEY)
    key = key_pair.from_pem((path / _KEY).read_bytes())
    certificate_pem = (path / _CERTIFICATE).read_bytes()
    certificate = key_pair.read_certificate(certificate_pem)
    key_pair.require_pair(key, certificate_pem)
    key_pair.require_authority((path / _AUTHORITY).read_bytes())
    words = strict_json.parse_object((path / _WORDS).read_bytes(), max_bytes=_MAX_WORDS_BYTES)
    fields = wire_fields.Fields(words, "the identity")
    gateway_id = fields.text("gateway_id", re.compile(topics.GATEWAY_ID_PATTERN), "a gateway id")
    if gateway_id != certificate.gateway_id:
        raise key_pair.UnfitError("the certificate is for another gateway")
    server_authority = None
    if fields.flag("has_enrolment_authority"):
        server_authority = path / _SERVER_AUTHORITY
        key_pair.require_authority(server_authority.read_bytes())
    return Generation(
        number=number,
        access=BrokerAccess(
            gateway_id=gateway_id,
            broker_host=fields.text("broker_host", HOST, "a host name"),
            broker_port=fields.whole("broker_port", 1, 65535),
            ca_file=path / _AUTHORITY,
            certificate_file=path / _CERTIFICATE,
            key_file=path / _KEY,
        ),
        certificate=certificate,
        renew_after=fields.instant("renew_after"),
        enrolment_server=fields.text("enrolment_server", _ADDRESS, "an address"),
        enrolment_authority_file=server_authority,
        configuration_keys=_configuration_keys(path / _CONFIGURATION_KEYS),
    )


def _configuration_keys(file: Path) -> ConfigurationKeys:
    # A generation of before has no such file; the next one, after a renewal, has.
    return configuration_keys.read(file.read_bytes() if file.exists() else b"")


def _require_private(key_file: Path) -> None:
    if key_file.stat().st_mode & 0o077:
        raise errors.IdentityError(
            IdentityReason.KEY_EXPOSED,
            f"others on this machine may read {key_file}: run “chmod 600 {key_file}”, and if you do not trust them,"
            " have the gateway revoked and enrol it again",
        )


def _words(content: Content) -> bytes:
    members = {
        "gateway_id": content.gateway_id,
        "broker_host": content.broker_host,
        "broker_port": content.broker_port,
        "renew_after": wire_fields.time_text(content.renew_after),
        "enrolment_server": content.enrolment_server,
        "has_enrolment_authority": content.enrolment_authority_pem is not None,
    }
    return json.dumps(members, indent=1).encode("ascii") + b"\n"
