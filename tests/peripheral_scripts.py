"""The far end of a proprietary conversation without a radio and without time: answers what a test scripts."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from firmware_profiles import conversation
from firmware_profiles.conversation import Answer, Conversation, HomeTime, Notification

LOCAL = datetime.fromisoformat("2026-11-28T07:30:00")
HOME = HomeTime(LOCAL, datetime(2026, 11, 28, 12, 30, 0, tzinfo=UTC), 0.0)

# What a peripheral does when it is written to: characteristic and bytes in, notifications out.
Peripheral = Callable[[str, bytes], Iterable[tuple[str, bytes]]]


@dataclass
class Course:
    """How a conversation went.

    Attributes:
        actions: all of them, in order.
        silences: how often it waited for nothing.
    """

    actions: list[conversation.Action] = field(default_factory=list)
    silences: int = 0

    @property
    def kept(self) -> list[bytes]:
        return [one.raw for one in self.actions if isinstance(one, conversation.Keep)]

    @property
    def written(self) -> list[bytes]:
        return [one.content for one in self.actions if isinstance(one, conversation.Write)]

    @property
    def reached(self) -> int | None:
        numbers = [one.number for one in self.actions if isinstance(one, conversation.NoteReached)]
        return numbers[-1] if numbers else None

    @property
    def shown(self) -> datetime | None:
        times = [one.device_time for one in self.actions if isinstance(one, conversation.NoteClock)]
        return times[-1] if times else None

    @property
    def remembered(self) -> dict[str, bytes]:
        return {
            one.name: one.content for one in self.actions if isinstance(one, conversation.Remember)
        }


def lead(talk: Conversation, peripheral: Peripheral, course: Course | None = None) -> Course:
    """Hold a conversation to its end and return its course; `course` is filled also when it fails."""
    course = course or Course()
    waiting: deque[Notification] = deque()
    answer: Answer = None
    while True:
        try:
            action = talk.send(answer)
        except StopIteration:
            return course
        course.actions.append(action)
        answer = None
        match action:
            case conversation.Write(characteristic, content):
                waiting.extend(Notification(*one) for one in peripheral(characteristic, content))
            case conversation.Await():
                answer = waiting.popleft() if waiting else None
                course.silences += answer is None
            case conversation.TellTime():
                answer = HOME
            case conversation.Draw(size):
                answer = bytes(range(size))
            case _:
                pass
