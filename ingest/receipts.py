"""What became of records, and how their gateways are told. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from operator import itemgetter
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
    outboxes: dict[tuple[str, str], list[tuple[int, Fate]]] = {}
    for (gateway_id, epoch, seq), fate in fates.items():
        outboxes.setdefault((gateway_id, epoch), []).append((seq, fate))
    for (gateway_id, epoch), positions in sorted(outboxes.items()):
        items = _runs(sorted(positions, key=itemgetter(0)))
        told += [
            (gateway_id, Receipt(epoch, tuple(items[first : first + MAX_RECORDS])))
            for first in range(0, len(items), MAX_RECORDS)
        ]
    return told


def _runs(positions: list[tuple[int, Fate]]) -> list[ReceiptItem]:
    items: list[ReceiptItem] = []
    first, run = positions[0]
    last = first
    for seq, fate in positions[1:]:
        if seq != last + 1 or fate != run:
            items.append(ReceiptItem(first, last, run.status, run.reason))
            first, run = seq, fate
        last = seq
    items.append(ReceiptItem(first, last, run.status, run.reason))
    return items
