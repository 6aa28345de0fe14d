"""What becomes of an outbox when its gateway gets another identity.

Records belong to the gateway, and so to the home, that captured them. Under another name they would be taken for
somebody else's. So they go out under the name they came in under, or nobody ever gets them, and that only after
somebody has named their exact number.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gateway import errors, outbox_repair
from gateway.errors import EnrolmentReason
from gateway.outbox import Outbox


@dataclass(frozen=True, slots=True)
class KeepFor:
    """The waiting records belong to this gateway, and the code must be for it."""

    gateway_id: str


@dataclass(frozen=True, slots=True)
class Discard:
    """The waiting records, exactly so many, may be deleted if the code is for another gateway."""

    count: int


Waiting = KeepFor | Discard | None


def require_agreement(
    outbox: Outbox, state_folder: Path, waiting: Waiting, before: str | None
) -> None:
    """Refuse while records that were not delivered would be lost, or come to stand under another name.

    Args:
        outbox: Open, and nobody else's.
        state_folder: Where it lies.
        waiting: What shall become of them.
        before: The gateway that they were captured as, if anybody knows.

    Raises:
        EnrolmentError: RECORDS_WAIT, with their number and what can be done.
    """
    count = outbox.waiting_count
    owner = before or "an earlier identity"
    match waiting:
        case KeepFor(gateway_id):
            if before not in {None, gateway_id}:
                raise _records_wait(f"the records here are those of {before}, not of {gateway_id}")
            return
        case Discard(discarded) if discarded != count:
            raise _records_wait(f"{count} records wait for delivery, not {discarded}; look again")
        case None if count:
            raise _records_wait(
                f"{count} records of {owner} wait for delivery. Let the gateway deliver them first; or, if the claim"
                f" code is for the same gateway, add --keep-for {before or 'GATEWAY'}; or give them up for good with"
                f" --discard {count}"
            )
    if outbox_repair.set_aside(state_folder):
        raise _records_wait(
            f"a damaged outbox was set aside in {state_folder} and may hold records: move its files (outbox.db.damaged-"
            "…) away together with a copy of outbox.key"
        )


def _records_wait(what: str) -> errors.EnrolmentError:
    return errors.EnrolmentError(
        EnrolmentReason.RECORDS_WAIT, f"{what}. The claim code has not been used"
    )


def is_for_the_same(gateway_id: str, waiting: Waiting, before: str | None) -> bool:
    """Whether what lies in the outbox may go out under a new certificate for `gateway_id`."""
    return gateway_id == before or waiting == KeepFor(gateway_id)


def wipe(outbox: Outbox, gateway_id: str, waiting: Waiting) -> int:
    """Leave nothing of another gateway's home; return how many records will never be delivered.

    Raises:
        EnrolmentError: OTHER_GATEWAY: the records were to be kept, and the code was for `gateway_id`.
        OSError: the disk refuses.
    """
    if isinstance(waiting, KeepFor):
        raise errors.EnrolmentError(
            EnrolmentReason.OTHER_GATEWAY,
            f"the claim code was for {gateway_id}, not for {waiting.gateway_id}: it is used up, and nothing was changed"
            f" here. Tell the practice, and ask for a code for {waiting.gateway_id}",
        )
    count = outbox.waiting_count
    if outbox.highest_seq:
        outbox.wipe()
    return count
