"""What became of records, and how their gateways are told. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import TypeAlias

from firmware_profiles.wire import MAX_RECORDS, Receipt, ReceiptItem, ReceiptStatus


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one record; ``reason`` says why it is in quarantine, if it is."""

    status: ReceiptStatus
    reason: str | None = None


# (gateway id, outbox epoch, outbox position) → what became of the record there.
Fates: TypeAlias = Mapping[tuple[str, str, int], Fate]


def receipts(fates: Fates) -> list[tuple[str, Receipt]]:
    """Return the receipts to send, each with its gateway id; neighbours with one fate share an item."""
    told: list[tuple[str, Receipt]] = []
    in_order = sorted(fates.items(), key=lambda entry: entry[0])
    for (gateway_id, epoch), group in groupby(in_order, key=lambda entry: entry[0][:2]):
        items = _runs([(seq, fate) for (_, _, seq), fate in group])
        told += [
            (gateway_id, Receipt(epoch, tuple(items[first : first + MAX_RECORDS])))
            for first in range(0, len(items), MAX_RECORDS)
        ]
    return told


def _runs(positions: list[tuple[int, Fate]]) -> list[ReceiptItem]:
    items: list[ReceiptItem] = []
    for seq, fate in positions:
        last = items[-1] if items else None
        if last and last.last_seq + 1 == seq and Fate(last.status, last.reason) == fate:
            items[-1] = ReceiptItem(last.first_seq, seq, fate.status, fate.reason)
        else:
            items.append(ReceiptItem(seq, seq, fate.status, fate.reason))
    return items
