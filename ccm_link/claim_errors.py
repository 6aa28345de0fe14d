"""What can go wrong with who bills, episodes of monitoring, months and claims; each message ends with what one can do.

::

    errors.BillingError
    └── ClaimError
        ├── ClaimConflict
        │   ├── UnknownClaim
        │   ├── StaleClaim
        │   ├── FactsChanged
        │   ├── ClaimedAlready
        │   ├── WrongState
        │   ├── MonitoringGoesOn
        │   └── MonitoringEnded
        ├── MonthNotOver
        ├── NoPractitioner
        ├── UnknownHold
        ├── TooManyPatients
        ├── NothingToExport
        ├── Incomplete
        ├── NotInX12 (ValueError)
        └── BadDiagnoses (ValueError)
"""

from __future__ import annotations

from collections.abc import Sequence

from ccm_link.errors import BillingError


class ClaimError(BillingError):
    """This could not be done for billing. Load the page again and look."""


class ClaimConflict(ClaimError):
    """This does not fit to how it stands now. Load the page again and look."""


class UnknownClaim(ClaimConflict):
    """There is no such claim in this practice. Go back to the month and choose one there."""


class StaleClaim(ClaimConflict):
    """This claim changed after the page was drawn. Load it again, look, and decide again."""


class FactsChanged(ClaimConflict):
    """What this claim rests on has changed since it was proposed. Load the month again and look at what is proposed."""


class ClaimedAlready(ClaimConflict):
    """A code of this claim is claimed for the same time already. Void or correct the other claim first."""


class WrongState(ClaimConflict):
    """A claim in this state cannot become that. Load it again and look at what became of it."""


class MonitoringGoesOn(ClaimConflict):
    """An episode of monitoring goes on. A replaced device goes on in it; for another episode end this one first."""


class MonitoringEnded(ClaimConflict):
    """This episode is ended, or begins later than that day. Load the page again and look."""


class MonthNotOver(ClaimError):
    """The month is not over yet, and more can still count. Attest it from the first of the next month on."""


class NoPractitioner(ClaimError):
    """Nobody is recorded who bills this program for the patient. Record the practitioner, then propose again."""


class UnknownHold(ClaimError):
    """There is no such open matter in this month that a person can settle. Load the month again and look."""


class TooManyPatients(ClaimError):
    """So many months take minutes to work out. Have it done by the command homevitals month work-out."""


class NothingToExport(ClaimError):
    """No claim of this month waits for a file. Attest claims first, or name the one to write again."""


class Incomplete(ClaimError):
    """Something is missing for this file. Record it, or choose another kind of file."""

    def __init__(self, lacks: Sequence[str]) -> None:
        """Keep each thing that is missing, in words without anybody's data."""
        super().__init__()
        self.lacks = tuple(lacks)


class NotInX12(ClaimError, ValueError):
    """X12 cannot hold this text. Write it with plain letters, digits and spaces."""


class BadDiagnoses(ClaimError, ValueError):
    """These are not diagnoses of the patient. Name those that are recorded, the one that matters most first."""
