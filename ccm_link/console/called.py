"""Who was called about a task: what its page needs for the part ``called.html``."""

from __future__ import annotations

from uuid import UUID

from alerts import notifications
from ccm_link.console.desk import Cursor, Desk
from ccm_link.console.words import calling_words


def shown(cur: Cursor, desk: Desk, episode_id: UUID | None) -> dict[str, object]:
    """Return what the part shows of an episode: its calls, the last one first, and how they are said."""
    return {
        "calls_made": (
            notifications.calls_of_episode(cur, desk.practice_id, episode_id) if episode_id else []
        ),
        "calls": calling_words,
    }
