from __future__ import annotations

import threading
import time
from uuid import RFC_4122, UUID

from ingest import time_ordered_id


def test_ids_rise_and_never_repeat_across_threads() -> None:
    made: list[list[UUID]] = [[] for _ in range(3)]

    def make(into: list[UUID]) -> None:
        into.extend(
            time_ordered_id.new() for _ in range(5000)
        )  # more than a counter holds in a millisecond

    threads = [threading.Thread(target=make, args=(into,)) for into in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert all(ids == sorted(ids) for ids in made)
    assert len({one for ids in made for one in ids}) == 15_000


def test_id_is_a_uuid_of_version_7_and_holds_the_time() -> None:
    before_ms = time.time_ns() // 1_000_000
    made = time_ordered_id.new()

    assert (made.version, made.variant) == (7, RFC_4122)
    assert -10 <= (made.int >> 80) - before_ms <= 10_000
