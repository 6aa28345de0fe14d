"""Claiming this gateway: a code from the practice becomes a key pair that the broker knows.

What can go wrong is said together with what became of the code, for a code counts once.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from gateway import (
    configuration_store,
    enrolment_answer,
    enrolment_server,
    errors,
    handover,
    identity,
    key_pair,
)
from gateway.errors import EnrolmentReason
from gateway.outbox import Outbox

log = logging.getLogger(__name__)

_CLAIM_PATH: Final = "/enrol/v1/claim"
# The server reads what was typed; here only what cannot be a code is kept from travelling.
_CODE: Final = re.compile(r"[^\x00-\x1f\x7f]{4,100}")

_ASK_AGAIN: Final = "the claim code may be used up: try it once more; if it is refused, ask the practice for a new one"
_WORDS: Final[Mapping[EnrolmentReason, str]] = {
    EnrolmentReason.UNREACHABLE: "the enrolment server does not answer: check its address and this machine's network."
    " The claim code has not been used",
    EnrolmentReason.TLS: "the server does not prove to be the enrolment server: check its address, and --authority if"
    " the practice gave you a file. The claim code has not been used",
    EnrolmentReason.CLOCK: "the server's certificate is not valid at the time this machine's clock shows: set the"
    " clock, and if it is right, tell whoever runs the server. The claim code has not been used",
    EnrolmentReason.NO_ANSWER: f"the server was asked, but no whole answer arrived; {_ASK_AGAIN}",
    EnrolmentReason.REFUSED: "the server does not accept this claim code: it is mistyped, or used, expired or replaced"
    " by a newer one. Check what you typed; after five wrong tries, or if it is right, ask the practice for a new one",
    EnrolmentReason.KEY_USED: "the server knows the key that was made just now, which must not be: run this again. The"
    " claim code has not been used",
    EnrolmentReason.REQUEST_REFUSED: "the server does not accept the request: its version and this gateway's may not"
    " fit together. The claim code has not been used",
    EnrolmentReason.BUSY: "the server takes no more requests at the moment: wait a few minutes and try again. The"
    " claim code has not been used",
    EnrolmentReason.SERVER_FAILED: f"the server failed; {_ASK_AGAIN}",
    EnrolmentReason.NOT_THE_SERVER: "what answers there is no enrolment server: check the address. If it is right,"
    f" {_ASK_AGAIN}",
}
# After these nobody here knows whether the server has counted the code.
_CODE_MAY_BE_USED: Final = frozenset(
    {
        EnrolmentReason.NO_ANSWER,
        EnrolmentReason.SERVER_FAILED,
        EnrolmentReason.NOT_THE_SERVER,
        EnrolmentReason.BAD_ANSWER,
    }
)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A claim that succeeded.

    Attributes:
        generation: the identity, in place.
        clock_ahead_s: this machine's clock minus the server's, in seconds.
        discarded_count: waiting records that were deleted.
    """

    generation: identity.Generation
    clock_ahead_s: float
    discarded_count: int


def claim(
    server: str,
    authority: Path | None,
    code: str,
    state_folder: Path,
    now: datetime,
    *,
    replace: bool = False,
    waiting: handover.Waiting = None,
) -> Claimed:
    """Make a key, exchange the code for a certificate, and put both in place.

    1. Lock the state folder; refuse where something would be overwritten. 2. Write the key. 3. Ask, check the answer.
    4. Delete another gateway's records, if that was asked for. 5. Put the identity in place. After a crash the old or
    the new one is there, whole; between 3 and 5 the code is used up.

    Args:
        server: Address of the enrolment server: https, or http to this machine.
        authority: Certificates (PEM) that the server's is checked against; None for the system's.
        code: The claim code as it was typed.
        state_folder: The gateway's state folder; made if it is not there.
        now: Aware UTC.
        replace: An identity that is there may be replaced.
        waiting: What becomes of records that were not delivered yet.

    Raises:
        GatewayError: configuration, outbox (a gateway is running), disk, server or code; the text says what to do.
    """
    asked = enrolment_server.at(server, authority)
    authority_pem = _read_authority(authority)
    _require_code(code.strip())
    outbox = _opened(state_folder, now)
    try:
        folder = identity.IdentityFolder(state_folder)
        before = _gateway_before(folder, replace=replace)
        handover.require_agreement(outbox, state_folder, waiting, before)
        answer = _ask(asked, code.strip(), folder)
        discarded_count = _let_go(outbox, folder, answer.gateway_id, waiting, before)
        if answer.gateway_id != before:
            configuration_store.forget(state_folder)  # it names what stands in another home
        generation = folder.finish(answer.content(server, authority_pem))
        folder.keep_only({generation.number})
    except OSError as error:
        raise errors.IdentityError(
            errors.IdentityReason.STORAGE,
            f"the new identity could not be written ({error.strerror}) and the claim code is used up: check the disk,"
            " then ask the practice for a new code",
        ) from error
    finally:
        outbox.close()
    log.info("gateway_claimed", extra={"gateway_id": answer.gateway_id})
    return Claimed(generation, (now - answer.server_time).total_seconds(), discarded_count)


def _require_code(code: str) -> None:
    if _CODE.fullmatch(code) is None:
        raise errors.EnrolmentError(EnrolmentReason.BAD_CODE, "that is not a claim code")


def _read_authority(authority: Path | None) -> bytes | None:
    if authority is None:
        return None
    try:
        pem = authority.read_bytes()
        key_pair.require_authority(pem)
    except (OSError, key_pair.UnfitError) as error:
        raise errors.ConfigurationError(
            f"the enrolment authority {authority} cannot be read as certificates (PEM)"
        ) from error
    return pem


def _opened(state_folder: Path, now: datetime) -> Outbox:
    """Open the outbox, which holds the folder's lock and knows what waits."""
    try:
        if state_folder.exists() and state_folder.stat().st_uid != os.geteuid():
            raise errors.EnrolmentError(
                EnrolmentReason.OTHER_OWNER,
                f"{state_folder} belongs to another user, who could not read the new key: run this as the user that the"
                " gateway runs as",
            )
        return Outbox(state_folder, now)
    except OSError as error:
        raise errors.IdentityError(
            errors.IdentityReason.STORAGE,
            f"{state_folder} cannot be used ({error.strerror}): check the folder and the user that runs this. The claim"
            " code has not been used",
        ) from error


def _gateway_before(folder: identity.IdentityFolder, *, replace: bool) -> str | None:
    """Return who this gateway was until now; None if nobody, or nobody knows."""
    if not folder.is_there:
        return None
    try:
        before = folder.newest()
    except errors.IdentityError as error:
        if replace and error.reason is errors.IdentityReason.DAMAGED:
            return None
        raise
    if not replace:
        raise errors.EnrolmentError(
            EnrolmentReason.ENROLLED,
            f"this gateway is enrolled already, as {before.access.gateway_id}; nothing was changed, and the claim code"
            " has not been used. With --replace it is enrolled anew",
        )
    return before.access.gateway_id


def _ask(
    server: enrolment_server.EnrolmentServer, code: str, folder: identity.IdentityFolder
) -> enrolment_answer.Answer:
    """Exchange the code for a certificate."""
    was_cut_off = folder.is_unfinished
    key = key_pair.make()
    try:
        folder.begin(key_pair.to_pem(key))
    except OSError as error:
        raise errors.IdentityError(
            errors.IdentityReason.STORAGE,
            f"the disk does not take a new key ({error.strerror}): check it. The claim code has not been used",
        ) from error
    document = {"code": code, "csr": key_pair.request_to_pem(key_pair.signing_request(key))}
    try:
        return enrolment_answer.read(enrolment_server.post(server, _CLAIM_PATH, document), key)
    except errors.EnrolmentError as error:
        if error.reason not in _CODE_MAY_BE_USED:
            folder.abandon()  # otherwise it stays, and the next claim knows of this one
        words = _WORDS.get(error.reason) or f"{error}; {_ASK_AGAIN}"
        if was_cut_off and error.reason is EnrolmentReason.REFUSED:
            words += (
                ". An earlier claim from here was cut off before its answer was kept; if it was made with this code,"
                " the code is used up"
            )
        raise type(error)(error.reason, words) from error


def _let_go(
    outbox: Outbox,
    folder: identity.IdentityFolder,
    gateway_id: str,
    waiting: handover.Waiting,
    before: str | None,
) -> int:
    """Delete what another gateway captured; return how many records will never be delivered."""
    if handover.is_for_the_same(gateway_id, waiting, before):
        return 0
    try:
        return handover.wipe(outbox, gateway_id, waiting)
    except errors.EnrolmentError:
        folder.abandon()
        raise
