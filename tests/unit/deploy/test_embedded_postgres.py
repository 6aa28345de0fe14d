"""Several servers may start at once on a machine that never had one."""

from __future__ import annotations

import threading

from deploy import embedded_postgres


def test_one_waits_for_the_other_while_the_wheel_makes_its_user() -> None:
    told: list[str] = []

    def second() -> None:
        with embedded_postgres._turn_of(threading):
            told.append("second")

    with embedded_postgres._turn_of(threading):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.2)
        told.append("first")
    thread.join(30)
    assert told == ["first", "second"]
