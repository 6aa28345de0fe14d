from __future__ import annotations

import threading
from datetime import UTC, datetime
from uuid import uuid4

from ingest.arrivals import Arrival
from ingest.inbox import Delivery, Inbox

AT = datetime(2026, 3, 10, tzinfo=UTC)


def delivery(number: int, size: int = 1, source: object = None) -> Delivery:
    arrival = Arrival(uuid4(), "t", bytes(size), number, AT, is_retained=False)
    return Delivery(arrival, 1, 0, source)


def numbers(taken: list[Delivery]) -> list[int]:
    return [one.arrival.packet_id for one in taken]


def test_deliveries_come_out_in_order_and_within_the_limits() -> None:
    inbox = Inbox(10)
    inbox.put([delivery(number, size=100) for number in range(6)], threading.Event())

    assert numbers(inbox.take(2, 10**6, 0)) == [0, 1]
    assert numbers(inbox.take(10, 250, 0)) == [2, 3]
    assert numbers(inbox.take(10, 1, 0)) == [4]  # one at least, whatever its size
    assert numbers(inbox.take(10, 10**6, 0)) == [5]
    assert inbox.take(10, 10**6, 0) == []


def test_who_brings_more_than_there_is_room_for_waits_for_the_taker() -> None:
    inbox = Inbox(3)
    bringing = threading.Thread(
        target=inbox.put, args=([delivery(number) for number in range(8)], threading.Event())
    )
    bringing.start()
    taken: list[int] = []
    while len(taken) < 8:
        taken += numbers(inbox.take(2, 10**6, 5))
        assert len(inbox) <= 3
    bringing.join(10)

    assert taken == list(range(8))


def test_who_stops_does_not_wait_for_room() -> None:
    inbox, is_stopping = Inbox(1), threading.Event()
    is_stopping.set()

    inbox.put([delivery(1), delivery(2)], is_stopping)

    assert numbers(inbox.take(9, 10**6, 0)) == [1]


def test_what_came_over_a_lost_connection_is_dropped_and_the_rest_kept() -> None:
    inbox, one, other = Inbox(10), object(), object()
    inbox.put([delivery(1, source=one), delivery(2, source=other)], threading.Event())

    inbox.drop(one)

    assert numbers(inbox.take(9, 10**6, 0)) == [2]
