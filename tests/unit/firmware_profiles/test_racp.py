from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_profiles import racp
from firmware_profiles.errors import FrameError, FrameReason
from firmware_profiles.racp import (
    CountResponse,
    OpCode,
    Operator,
    Request,
    Response,
    ResponseCode,
)

SEQUENCE_NUMBERS = st.integers(0, 0xFFFF)
REQUESTS = st.one_of(
    st.just(racp.abort()),
    st.builds(
        Request,
        st.sampled_from([OpCode.REPORT_RECORDS, OpCode.DELETE_RECORDS, OpCode.REPORT_COUNT]),
        st.sampled_from([Operator.ALL, Operator.FIRST, Operator.LAST]),
    ),
    st.builds(
        Request,
        st.sampled_from([OpCode.REPORT_RECORDS, OpCode.REPORT_COUNT]),
        st.sampled_from([Operator.AT_LEAST, Operator.AT_MOST]),
        st.tuples(SEQUENCE_NUMBERS),
    ),
    st.builds(
        Request,
        st.just(OpCode.REPORT_RECORDS),
        st.just(Operator.WITHIN),
        st.tuples(SEQUENCE_NUMBERS, SEQUENCE_NUMBERS),
    ),
)


@given(REQUESTS)
def test_request_comes_back_when_encoded_and_decoded(request_: Request) -> None:
    assert Request.from_bytes(request_.to_bytes()) == request_


@given(
    st.builds(
        CountResponse,
        SEQUENCE_NUMBERS,
        st.sampled_from([OpCode.COUNT_RESPONSE, OpCode.COMBINED_RESPONSE]),
    )
    | st.builds(Response, st.integers(0, 255), st.sampled_from(ResponseCode))
)
def test_response_comes_back_when_encoded_and_decoded(response: CountResponse | Response) -> None:
    assert racp.response_from_bytes(response.to_bytes()) == response


@given(st.binary(max_size=8))
def test_bytes_come_back_when_they_were_accepted(raw: bytes) -> None:
    for decode in (Request.from_bytes, racp.response_from_bytes):
        try:
            accepted = decode(raw)
        except FrameError:
            continue
        assert accepted.to_bytes() == raw


@pytest.mark.parametrize(
    ("request_", "raw"),
    [
        pytest.param(racp.report_all(), "01 01", id="report, all"),
        pytest.param(racp.report_from(43), "01 03 01 2b00", id="report, at least, by number, 43"),
        pytest.param(racp.count(), "04 01", id="count, all"),
        pytest.param(racp.abort(), "03 00", id="abort, null"),
    ],
)
def test_requests_have_the_layout_of_the_standard(request_: Request, raw: str) -> None:
    assert request_.to_bytes() == bytes.fromhex(raw)


@pytest.mark.parametrize(
    ("raw", "response"),
    [
        pytest.param("06 00 01 01", Response(1, ResponseCode.SUCCESS), id="success"),
        pytest.param(
            "08 00 0300", CountResponse(3, OpCode.COMBINED_RESPONSE), id="end of a combined report"
        ),
        pytest.param("06 00 01 06", Response(1, ResponseCode.NO_RECORDS_FOUND), id="no records"),
        pytest.param("06 00 09 02", Response(9, ResponseCode.OP_CODE_NOT_SUPPORTED), id="unknown"),
        pytest.param("05 00 2c01", CountResponse(300), id="300 records"),
        pytest.param("05 00 0000", CountResponse(0), id="no records to count"),
    ],
)
def test_known_responses_when_decoded(raw: str, response: CountResponse | Response) -> None:
    assert racp.response_from_bytes(bytes.fromhex(raw)) == response


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        pytest.param("", FrameReason.EMPTY_FRAME, id="empty"),
        pytest.param("01", FrameReason.SHORT_FRAME, id="no operator"),
        pytest.param("01 03 01 2b", FrameReason.SHORT_FRAME, id="half an operand"),
        pytest.param("01 01 00", FrameReason.TRAILING_BYTES, id="operand for all"),
        pytest.param("09 01", FrameReason.RESERVED_VALUE, id="op code"),
        pytest.param("05 00", FrameReason.RESERVED_VALUE, id="a response is no request"),
        pytest.param("01 07", FrameReason.RESERVED_VALUE, id="operator"),
        pytest.param("01 00", FrameReason.RESERVED_VALUE, id="report, null"),
        pytest.param("03 01", FrameReason.RESERVED_VALUE, id="abort, all"),
        pytest.param("01 03 02 ea070201070509", FrameReason.RESERVED_VALUE, id="filter by time"),
    ],
)
def test_request_is_refused(raw: str, reason: FrameReason) -> None:
    with pytest.raises(FrameError) as caught:
        Request.from_bytes(bytes.fromhex(raw))
    assert caught.value.reason is reason


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        pytest.param("", FrameReason.EMPTY_FRAME, id="empty"),
        pytest.param("06 00 01", FrameReason.SHORT_FRAME, id="no code"),
        pytest.param("05 00 01", FrameReason.SHORT_FRAME, id="half a count"),
        pytest.param("06 00 01 01 00", FrameReason.TRAILING_BYTES, id="too long"),
        pytest.param("06 01 01 01", FrameReason.RESERVED_VALUE, id="operator"),
        pytest.param("06 00 01 0b", FrameReason.RESERVED_VALUE, id="code"),
        pytest.param("01 01", FrameReason.RESERVED_VALUE, id="a request is no response"),
    ],
)
def test_response_is_refused(raw: str, reason: FrameReason) -> None:
    with pytest.raises(FrameError) as caught:
        racp.response_from_bytes(bytes.fromhex(raw))
    assert caught.value.reason is reason


def test_refuses_when_operand_count_is_wrong() -> None:
    with pytest.raises(FrameError):
        Request(OpCode.REPORT_RECORDS, Operator.AT_LEAST)
