"""The rules of programs as a request asks about them: this site's billing tables, on the practice's day."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

from ccm_link.billing.rule_book import Rules
from ccm_link.console import surroundings
from ccm_link.console.desk import Cursor, Desk


def today(desk: Desk, cur: Cursor) -> date:
    """Return the practice's day."""
    return desk.now.astimezone(ZoneInfo(desk.practice(cur).time_zone)).date()


def rules_on(desk: Desk, on: date) -> Rules:
    """Return the rules of a day; of a year of which this site has no table, those of the year before."""
    return surroundings.of(desk.request).tables.book.last_known(on)
