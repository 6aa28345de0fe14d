"""What becomes of a claim: which state can follow which. Pure.

A proposal is made anew whenever it is asked for; from the attestation on every step is a person's, and none goes back.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class ClaimState(StrEnum):
    """How far a claim is."""

    PROPOSED = "proposed"
    ATTESTED = "attested"  # a person vouches for it
    EXPORTED = "exported"  # a file was written
    SUBMITTED = "submitted"  # the practice says that it has sent it
    PAID = "paid"
    DENIED = "denied"
    CORRECTED = "corrected"  # another claim takes its place
    VOID = "void"  # given up


GIVEN_UP: Final = frozenset({ClaimState.CORRECTED, ClaimState.VOID})

# A claim goes to a payer once, or again after a denial; what was paid can be taken back.
_NEXT: Final[Mapping[ClaimState, frozenset[ClaimState]]] = {
    ClaimState.PROPOSED: frozenset({ClaimState.ATTESTED}),
    ClaimState.ATTESTED: frozenset({ClaimState.EXPORTED, ClaimState.SUBMITTED, ClaimState.VOID}),
    ClaimState.EXPORTED: frozenset({ClaimState.EXPORTED, ClaimState.SUBMITTED, ClaimState.VOID}),
    ClaimState.SUBMITTED: frozenset(
        {ClaimState.PAID, ClaimState.DENIED, ClaimState.CORRECTED, ClaimState.VOID}
    ),
    ClaimState.DENIED: frozenset(
        {ClaimState.SUBMITTED, ClaimState.PAID, ClaimState.CORRECTED, ClaimState.VOID}
    ),
    ClaimState.PAID: frozenset({ClaimState.DENIED, ClaimState.CORRECTED, ClaimState.VOID}),
    ClaimState.CORRECTED: frozenset(),
    ClaimState.VOID: frozenset(),
}

RECORDED: Final = (
    ClaimState.SUBMITTED,
    ClaimState.PAID,
    ClaimState.DENIED,
    ClaimState.CORRECTED,
    ClaimState.VOID,
)
"""What a person says of a claim, in the order in which it usually comes."""


def may_follow(before: ClaimState, after: ClaimState) -> bool:
    """Tell whether a claim in one state can become the other."""
    return after in _NEXT[before]


def choices(before: ClaimState) -> list[ClaimState]:
    """Return what a person can say next of a claim."""
    return [one for one in RECORDED if may_follow(before, one)]
