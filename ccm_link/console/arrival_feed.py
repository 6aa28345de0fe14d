"""What arrived for one practice, numbered in the order in which it was noticed. Pure; the clock comes in.

When a reading is stored is written down before its transaction commits, and transactions commit in any order, so a
search from where the last one ended would miss what commits late. Each search goes back by an overlap instead, and the
feed remembers what it has noticed there. Everything that it remembers has a bound.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from ingest.reading_arrivals import Arrival

# How much later than it says a reading may become visible: no transaction of ingest lives longer, and clocks of two
# workers differ by less. What comes later still is in the lists, and not in the stream.
OVERLAP: Final = timedelta(seconds=60)
# Ten thousand homes that all measure in the same minute, twice over. Where more arrives (a file of history, a region
# that comes back after an outage), a stream says that it has a gap instead of holding it all.
MOST_REMEMBERED: Final = 20_000


class ArrivalFeed:
    """One practice's arrivals.

    Attributes:
        mark: Tells this feed from others of the same practice: numbers of one mean nothing in another.
        looked_at: When the last search was made, aware UTC.
    """

    def __init__(self, now: datetime) -> None:
        self.mark = secrets.token_hex(4)
        self.looked_at = now
        self._known: dict[UUID, datetime] = {}  # what lies in the overlap, with when it was stored
        self._recent: deque[Arrival] = deque(maxlen=MOST_REMEMBERED)
        self._next = 0
        self._only_learns = True  # what is there at first is nobody's news

    @property
    def search_from(self) -> datetime:
        """Return from which instant on the next search has to look."""
        return self.looked_at - OVERLAP

    @property
    def end(self) -> int:
        """Return the number that the next arrival will get."""
        return self._next

    def take(self, found: Sequence[Arrival], at: datetime) -> bool:
        """Take in what a search found; say whether there is anything to tell.

        Args:
            found: Everything stored since :attr:`search_from`, in that order; beyond :data:`MOST_REMEMBERED` it counts
                as too much, whatever it is.
            at: When the search began, aware UTC.
        """
        is_too_much = len(found) > MOST_REMEMBERED
        new = [one for one in found if one.reading_id not in self._known]
        if is_too_much or self._only_learns:
            # Numbers from before lead nowhere now: whoever holds one learns that something is missing.
            self._recent.clear()
            self._next += 1
        else:
            self._recent.extend(new)
            self._next += len(new)
        self._only_learns = is_too_much
        self.looked_at = max(self.looked_at, at)
        since_at = self.search_from
        self._known = {
            one.reading_id: one.stored_at
            for one in (() if is_too_much else found)
            if one.stored_at >= since_at
        }
        return bool(new)

    def since(self, number: int, most: int) -> list[Arrival] | None:
        """Return at most so many arrivals from a number on; None where they are not remembered any more."""
        first = self._next - len(self._recent)
        if not first <= number <= self._next:
            return None
        # A deque is slow in its middle: whoever keeps up asks for its end.
        skipped = number - first
        behind = len(self._recent) - skipped
        if behind <= 0:
            return []
        return [self._recent[skipped + place] for place in range(min(most, behind))]
