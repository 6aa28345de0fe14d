"""How a proprietary protocol talks without doing any input or output of its own.

A protocol's ``conversation(situation)`` is a generator. It yields actions, and whoever leads it (the gateway's session,
or a test) takes each of them and sends back what came of it. So a protocol is a pure function of what the peripheral
says, and its whole conversation can be tested without a radio and without a clock.

In the generators one writes ``answer = yield from conversation.read(…)``: the functions below give each action the type
of its answer.

`keep` returns only after the record is durable. A protocol that confirms records to the peripheral keeps each of them
first; that makes "confirmed" mean "on our disk".
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Situation:
    """What a conversation knows when it begins.

    Attributes:
        address: the peripheral's Bluetooth address, upper case with colons.
        name: as advertised, or None.
        characteristics: those that the peripheral has, in the form of `uuids.short_uuid`.
        watermark: the last number that this peripheral has fully reported, or None.
        memory: what an earlier conversation asked to be remembered about this peripheral, by name; secrets too.
        is_first: whether the peripheral has just been paired, and takes what it takes only once.
    """

    address: str
    name: str | None = None
    characteristics: frozenset[str] = frozenset()
    watermark: int | None = None
    memory: Mapping[str, bytes] = field(default_factory=dict)
    is_first: bool = False


@dataclass(frozen=True, slots=True)
class Notification:
    """What a peripheral sent unasked: a notification or an indication."""

    characteristic: str
    content: bytes


@dataclass(frozen=True, slots=True)
class HomeTime:
    """The time in the home at one moment.

    Attributes:
        local: wall-clock time, naive.
        utc: the same moment, aware UTC.
        summer_time_s: seconds of daylight saving in `local`; without them it is standard time.
    """

    local: datetime
    utc: datetime
    summer_time_s: float


@dataclass(frozen=True, slots=True)
class Write:
    """Write to a characteristic; answered when the peripheral has confirmed, at once if it need not.

    With None for `response` it is confirmed if the characteristic offers that.
    """

    characteristic: str
    content: bytes
    response: bool | None = True


@dataclass(frozen=True, slots=True)
class Read:
    """Read a characteristic; answered with its bytes."""

    characteristic: str


@dataclass(frozen=True, slots=True)
class Listen:
    """Subscribe to a characteristic; from now on its notifications wait to be awaited, in order of arrival.

    With `keeps_records` each is a record and is kept as the first act of its arrival, for a peripheral that forgets
    what the link has confirmed.
    """

    characteristic: str
    keeps_records: bool = False


@dataclass(frozen=True, slots=True)
class StopListening:
    """Unsubscribe from a characteristic, for a peripheral that wants one subscription to end before it goes on."""

    characteristic: str


@dataclass(frozen=True, slots=True)
class Await:
    """Wait for the next notification; answered with it, or with None after so many seconds of silence.

    A link that is gone ends the conversation as a failure, or with `may_hang_up` is answered with None too: then the
    peripheral's hanging up is the end that its protocol knows.
    """

    timeout_s: float
    may_hang_up: bool = False


@dataclass(frozen=True, slots=True)
class Pause:
    """Do nothing for a while."""

    seconds: float


@dataclass(frozen=True, slots=True)
class TellTime:
    """Answered with the time in the home, as a HomeTime."""


@dataclass(frozen=True, slots=True)
class Draw:
    """Answered with so many random bytes, fit for a key: a conversation is pure and has no chance of its own."""

    size: int


@dataclass(frozen=True, slots=True)
class Keep:
    """Store a record durably: the bytes as the peripheral sent them, under the characteristic that carried them."""

    characteristic: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class NoteClock:
    """Note what the peripheral's clock shows at this moment, naive, before it is set."""

    device_time: datetime


@dataclass(frozen=True, slots=True)
class NoteReached:
    """Note up to which number the peripheral has fully reported: the next conversation's watermark."""

    number: int


@dataclass(frozen=True, slots=True)
class NoteBattery:
    """Note the battery level for the gateway's status, per cent."""

    percent: int


@dataclass(frozen=True, slots=True)
class Remember:
    """Remember bytes about this peripheral for later conversations, durably; they may be a secret."""

    name: str
    content: bytes


Action = (
    Write
    | Read
    | Listen
    | StopListening
    | Await
    | Pause
    | TellTime
    | Draw
    | Keep
    | NoteClock
    | NoteReached
    | NoteBattery
    | Remember
)
Answer = bytes | Notification | HomeTime | None
Conversation = Generator[Action, Answer, None]


class ConversationError(Exception):
    """The peripheral did not keep to its protocol, or refused; says what a technician can do, repeats no content."""


def read(characteristic: str) -> Generator[Action, Answer, bytes]:
    """Read a characteristic."""
    answer = yield Read(characteristic)
    if not isinstance(answer, bytes):
        raise TypeError("a read is answered with bytes")
    return answer


def next_notification(
    timeout_s: float, *, may_hang_up: bool = False
) -> Generator[Action, Answer, Notification | None]:
    """Wait for the next notification; None after so many seconds of silence, see `Await`."""
    answer = yield Await(timeout_s, may_hang_up)
    if not (answer is None or isinstance(answer, Notification)):
        raise TypeError("waiting is answered with a notification or with None")
    return answer


def home_time() -> Generator[Action, Answer, HomeTime]:
    """Ask for the time in the home."""
    answer = yield TellTime()
    if not isinstance(answer, HomeTime):
        raise TypeError("the question for the time is answered with a HomeTime")
    return answer


def draw(size: int) -> Generator[Action, Answer, bytes]:
    """Draw so many random bytes."""
    answer = yield Draw(size)
    if not isinstance(answer, bytes):
        raise TypeError("drawing is answered with bytes")
    return answer
