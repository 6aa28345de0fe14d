from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_profiles.errors import FrameError, FrameReason
from firmware_profiles.protocols import omron_frames
from firmware_profiles.protocols.omron_frames import FROM_CUFF, Assembly, Frame

ANSWER = omron_frames.ANSWER | omron_frames.READ
# A HEM-7322T-E's answer with four records, as its channels brought it. Source: hass-omron, report 13.
PIECES = [
    "40810002e4385261154a20531e3b0071",
    "6b80f93a4c6a154820b61af200736980",
    "92514954155420b61b59006a4e804b88",
    "465b1550210a100600465a80a46700f5",
]
FRAMES = st.builds(
    lambda kind, address, content, status: Frame(kind, address, len(content), content, status),
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFF),
    st.binary(max_size=56),
    st.integers(0, 255),
)


def put_together(pieces: list[tuple[int, bytes]]) -> list[bytes]:
    assembly = Assembly()
    found = [assembly.add(FROM_CUFF[channel], piece) for channel, piece in pieces]
    return [raw for raw in found if raw is not None]


@pytest.mark.parametrize(
    ("frame", "raw"),
    [
        # omblepy, README and code.
        pytest.param(Frame(omron_frames.BEGIN, size=0x10), "0800000000100018", id="begin"),
        pytest.param(Frame(omron_frames.READ, 0x0260, 0x26), "080100026026004d", id="read"),
        pytest.param(Frame(omron_frames.END), "080f000000000007", id="end"),
        # hass-omron, reports 13 and 7.
        pytest.param(Frame(omron_frames.READ, 0x031C, 0x38), "080100031c38002e", id="read 4"),
        pytest.param(Frame(0x8F00), "088f000000000087", id="answer to end"),
        pytest.param(
            Frame(ANSWER, 0x02F6, 14, bytes.fromhex("6754411af1074b13000015008100")),
            "16810002f60e6754411af1074b13000015008100003f",
            id="answer with a record",
        ),
    ],
)
def test_frames_are_those_of_the_sources(frame: Frame, raw: str) -> None:
    assert frame.to_bytes().hex() == raw
    assert Frame.from_bytes(bytes.fromhex(raw)) == frame


def test_answer_of_a_real_cuff_is_put_together_from_its_channels() -> None:
    (raw,) = put_together([(at, bytes.fromhex(piece)) for at, piece in enumerate(PIECES)])
    frame = Frame.from_bytes(raw)
    assert (frame.kind, frame.address, frame.size, frame.status) == (ANSWER, 0x02E4, 0x38, 0)
    assert [piece.hex() for piece in omron_frames.pieces(raw)] == PIECES


@given(FRAMES)
def test_frame_comes_back_when_encoded_and_decoded(frame: Frame) -> None:
    assert Frame.from_bytes(frame.to_bytes()) == frame


@given(FRAMES, st.randoms(use_true_random=False))
def test_frame_comes_back_from_its_channels_in_whatever_order(frame: Frame, random: object) -> None:
    raw = frame.to_bytes()
    pieces = list(enumerate(omron_frames.pieces(raw)))
    random.shuffle(pieces)  # type: ignore[attr-defined]
    assert put_together(pieces) == [raw]


@given(FRAMES, st.integers(min_value=0), st.integers(1, 255))
def test_refuses_when_an_octet_was_changed(frame: Frame, at: int, change: int) -> None:
    raw = bytearray(frame.to_bytes())
    raw[at % len(raw)] ^= change
    with pytest.raises(FrameError):
        Frame.from_bytes(bytes(raw))


@given(st.binary(max_size=70))
def test_anything_else_is_refused_or_comes_back(raw: bytes) -> None:
    try:
        frame = Frame.from_bytes(raw)
    except FrameError:
        return
    assert frame.to_bytes() == raw


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        pytest.param("", FrameReason.EMPTY_FRAME, id="empty"),
        pytest.param("07000000000007", FrameReason.SHORT_FRAME, id="shorter than any"),
        pytest.param("088f0000000000", FrameReason.SHORT_FRAME, id="cut off"),
        pytest.param("088f00000000008700", FrameReason.TRAILING_BYTES, id="too long"),
        pytest.param("088f000000000086", FrameReason.IMPOSSIBLE_VALUE, id="checksum"),
        pytest.param("098100000002000" + "0" + "8a", FrameReason.IMPOSSIBLE_VALUE, id="half"),
    ],
)
def test_refusal_says_why(raw: str, reason: FrameReason) -> None:
    with pytest.raises(FrameError) as refused:
        Frame.from_bytes(bytes.fromhex(raw))
    assert refused.value.reason is reason


@given(st.lists(st.tuples(st.sampled_from([*FROM_CUFF, "2a35"]), st.binary(max_size=20))))
def test_no_pieces_break_the_assembly(pieces: list[tuple[str, bytes]]) -> None:
    assembly = Assembly()
    for characteristic, piece in pieces:
        assembly.add(characteristic, piece)
