"""How far a long command is, on standard error, once it takes longer than two seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeAlias

_QUIET_S: Final = 2.0  # what is quicker needs no progress shown

Progress: TypeAlias = Callable[[int, int], None]  # done, of how many


@contextmanager
def shown(words: str) -> Iterator[Progress]:
    """Yield what is told how far it is; a bar is drawn on a terminal, and nothing for what is quick.

    Args:
        words: What is being done, "checking links".
    """
    from rich.console import Console
    from rich.progress import Progress as Bar

    started_at_s = time.monotonic()
    bar = Bar(console=Console(stderr=True), transient=True, auto_refresh=False)
    task = bar.add_task(words, total=None)

    def show(done: int, total: int) -> None:
        if time.monotonic() - started_at_s > _QUIET_S:
            bar.start()
            bar.update(task, completed=done, total=total, refresh=True)

    try:
        yield show
    finally:
        if bar.live.is_started:
            bar.stop()
