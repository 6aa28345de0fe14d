"""Leads a proprietary protocol's conversation against a peripheral in memory: no radio, no clock that runs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from firmware_profiles.conversation import (
    Answer,
    Await,
    Conversation,
    Draw,
    HomeTime,
    Keep,
    Listen,
    NoteBattery,
    NoteClock,
    NoteReached,
    Notification,
    Pause,
    Read,
    Remember,
    StopListening,
    TellTime,
    Write,
)

HOME_TIME = HomeTime(datetime(2026, 7, 1, 8, 30), datetime(2026, 7, 1, 12, 30, tzinfo=UTC), 3600.0)  # noqa: DTZ001


@dataclass
class Led:
    """What a conversation did.

    Attributes:
        peripheral: what it says to a write: notifications to send, or None to hang up; called with None when it has
            just been listened to.
        events: actions in their order, those that only wait left out.
        pauses: seconds for which it kept quiet, each time.
        silences: how often it waited for nothing.
    """

    peripheral: Callable[[Write | Listen], list[Notification] | None]
    reads: dict[str, bytes] = field(default_factory=dict)
    events: list[object] = field(default_factory=list)
    memory: dict[str, bytes] = field(default_factory=dict)
    hung_up: bool = False
    pauses: list[float] = field(default_factory=list)
    silences: int = 0
    _waiting: deque[Notification] = field(default_factory=deque)
    _kept_on_arrival: set[str] = field(default_factory=set)

    @property
    def kept(self) -> list[bytes]:
        """Records, in their order."""
        return [event.raw for event in self.events if isinstance(event, Keep)]

    @property
    def written(self) -> list[bytes]:
        """What was written, in its order."""
        return [event.content for event in self.events if isinstance(event, Write)]

    @property
    def reached(self) -> int | None:
        """Up to which number the peripheral has reported, if that was noted."""
        numbers = [event.number for event in self.events if isinstance(event, NoteReached)]
        return numbers[-1] if numbers else None

    @property
    def shown(self) -> datetime | None:
        """What the peripheral's clock showed, if that was noted."""
        times = [event.device_time for event in self.events if isinstance(event, NoteClock)]
        return times[-1] if times else None

    def lead(self, talk: Conversation) -> Led:
        """Hold the conversation to its end."""
        answer: Answer = None
        try:
            while True:
                answer = self._take(talk.send(answer))
        except StopIteration:
            return self

    def _take(self, action: object) -> Answer:  # noqa: C901  # one case for each action there is
        match action:
            case Await(may_hang_up=may_hang_up):
                if self._waiting:
                    return self._waiting.popleft()
                if self.hung_up and not may_hang_up:
                    raise EOFError
                self.silences += 1
            case TellTime():
                return HOME_TIME
            case Read(characteristic):
                return self.reads[characteristic]
            case Pause(seconds):
                self.pauses.append(seconds)
            case Draw(size):
                return bytes(range(size))
            case Listen() | Write():
                self.events.append(action)
                self._send(action)
            case Remember(name, content):
                self.events.append(action)
                self.memory[name] = content
            case Keep() | NoteClock() | NoteReached() | NoteBattery() | StopListening():
                self.events.append(action)
            case _:
                raise AssertionError(action)
        return None

    def _send(self, action: Listen | Write) -> None:
        if self.hung_up:
            raise EOFError
        if isinstance(action, Listen) and action.keeps_records:
            self._kept_on_arrival.add(action.characteristic)
        sent = self.peripheral(action)
        if sent is None:
            self.hung_up = True
            return
        for one in sent:
            if one.characteristic in self._kept_on_arrival:
                self.events.append(Keep(one.characteristic, one.content))
            self._waiting.append(one)
