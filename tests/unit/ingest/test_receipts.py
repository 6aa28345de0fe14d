from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_profiles import wire
from firmware_profiles.wire import MAX_RECORDS, ReceiptItem, ReceiptStatus
from ingest.receipts import Fate, receipts

STORED, DUPLICATE = Fate(ReceiptStatus.STORED), Fate(ReceiptStatus.DUPLICATE)
BAD = Fate(ReceiptStatus.QUARANTINED, "short_frame")
WORSE = Fate(ReceiptStatus.QUARANTINED, "empty_frame")
GATEWAY, EPOCH, OTHER_EPOCH = "gw-aaaa1111", "e" * 32, "f" * 32


@pytest.mark.parametrize(
    ("fates", "items"),
    [
        ({1: STORED}, [(1, 1, STORED)]),
        ({1: STORED, 2: STORED, 3: STORED}, [(1, 3, STORED)]),
        ({3: STORED, 1: STORED, 2: STORED}, [(1, 3, STORED)]),
        ({1: STORED, 2: BAD, 3: STORED}, [(1, 1, STORED), (2, 2, BAD), (3, 3, STORED)]),
        ({1: STORED, 3: STORED}, [(1, 1, STORED), (3, 3, STORED)]),
        ({1: BAD, 2: WORSE}, [(1, 1, BAD), (2, 2, WORSE)]),
        ({1: STORED, 2: DUPLICATE}, [(1, 1, STORED), (2, 2, DUPLICATE)]),
    ],
    ids=["one", "run", "unordered", "one bad", "gap", "two reasons", "two statuses"],
)
def test_receipt_joins_neighbours_when_they_share_a_fate(
    fates: dict[int, Fate], items: list[tuple[int, int, Fate]]
) -> None:
    told = receipts({(GATEWAY, EPOCH, seq): fate for seq, fate in fates.items()})

    assert [gateway_id for gateway_id, _ in told] == [GATEWAY]
    assert list(told[0][1].items) == [
        ReceiptItem(first, last, fate.status, fate.reason) for first, last, fate in items
    ]


def test_receipts_are_apart_when_gateways_or_epochs_differ() -> None:
    told = receipts(
        {
            ("gw-bbbb2222", EPOCH, 1): STORED,
            (GATEWAY, OTHER_EPOCH, 2): STORED,
            (GATEWAY, EPOCH, 1): STORED,
        }
    )

    assert [(gateway_id, receipt.epoch) for gateway_id, receipt in told] == [
        (GATEWAY, EPOCH),
        (GATEWAY, OTHER_EPOCH),
        ("gw-bbbb2222", EPOCH),
    ]


def test_nothing_is_told_when_nothing_was_taken_in() -> None:
    assert receipts({}) == []


@given(st.dictionaries(st.integers(1, 1000), st.sampled_from([STORED, DUPLICATE, BAD, WORSE])))
def test_every_position_is_told_once_when_receipts_went_over_the_wire(
    fates: dict[int, Fate],
) -> None:
    told = [
        wire.decode_receipt(wire.encode_receipt(receipt))
        for _, receipt in receipts({(GATEWAY, EPOCH, seq): fate for seq, fate in fates.items()})
    ]

    items = [item for receipt in told for item in receipt.items]
    assert {
        seq: Fate(item.status, item.reason)
        for item in items
        for seq in range(item.first_seq, item.last_seq + 1)
    } == fates
    assert sum(item.last_seq - item.first_seq + 1 for item in items) == len(fates)
    assert all(len(receipt.items) <= MAX_RECORDS for receipt in told)
