"""Record Access Control Point (2a52): how a collector asks a glucometer for its stored records.

A request is written; records come as notifications of other characteristics; a response ends the
procedure as an indication. "No records found" and a count of zero are ordinary answers. Only the
filter by sequence number is spoken: meters hardly implement the one by time, and sources disagree
on its form. Deleting records is never a gateway's business, so there is no function for it.

Source: Bluetooth SIG GATT Specification Supplement, Record Access Control Point; Glucose Service
1.0.1, 2022-01-18, section 3.4.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final, TypeVar

from firmware_profiles import errors
from firmware_profiles.errors import FrameReason
from firmware_profiles.frame_reader import FrameReader

_SEQUENCE_NUMBER_FILTER: Final = 1

_Code = TypeVar("_Code", bound=IntEnum)


class OpCode(IntEnum):
    """First byte."""

    REPORT_RECORDS = 1
    DELETE_RECORDS = 2
    ABORT = 3
    REPORT_COUNT = 4
    COUNT_RESPONSE = 5
    RESPONSE = 6
    COMBINED_REPORT = 7  # of newer services: records, and then how many there were
    COMBINED_RESPONSE = 8


class Operator(IntEnum):
    """Second byte: which records."""

    NULL = 0
    ALL = 1
    AT_MOST = 2
    AT_LEAST = 3
    WITHIN = 4
    FIRST = 5
    LAST = 6


class ResponseCode(IntEnum):
    """How a procedure ended."""

    SUCCESS = 1
    OP_CODE_NOT_SUPPORTED = 2
    INVALID_OPERATOR = 3
    OPERATOR_NOT_SUPPORTED = 4
    INVALID_OPERAND = 5
    NO_RECORDS_FOUND = 6
    ABORT_UNSUCCESSFUL = 7
    PROCEDURE_NOT_COMPLETED = 8
    OPERAND_NOT_SUPPORTED = 9
    SERVER_BUSY = 10


_OPERANDS: Final = {Operator.AT_MOST: 1, Operator.AT_LEAST: 1, Operator.WITHIN: 2}
_REQUESTS: Final = frozenset(
    {
        *(OpCode.REPORT_RECORDS, OpCode.DELETE_RECORDS, OpCode.ABORT, OpCode.REPORT_COUNT),
        OpCode.COMBINED_REPORT,
    }
)


@dataclass(frozen=True, slots=True)
class Request:
    """What a collector writes.

    Attributes:
        op_code: one of the five requests.
        operator: NULL with ABORT, any other with the rest.
        sequence_numbers: as many as the operator needs: one bound, or both ends of a range,
            included.
    """

    op_code: OpCode
    operator: Operator
    sequence_numbers: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a request that says nothing a meter can do.

        Raises:
            FrameError: `reserved_value`.
        """
        if self.op_code not in _REQUESTS:
            raise errors.FrameError(FrameReason.RESERVED_VALUE, "the op code is not a request")
        if (self.op_code is OpCode.ABORT) != (self.operator is Operator.NULL):
            raise errors.FrameError(
                FrameReason.RESERVED_VALUE, "only an abort goes with the null operator"
            )
        if len(self.sequence_numbers) != _OPERANDS.get(self.operator, 0):
            raise errors.FrameError(
                FrameReason.RESERVED_VALUE, "the operator needs another number of operands"
            )

    @classmethod
    def from_bytes(cls, raw: bytes) -> Request:
        """Take a request apart.

        Raises:
            FrameError: unknown codes, another filter than the sequence number, or the wrong length.
        """
        reader = FrameReader(raw)
        op_code = _code(OpCode, reader.u8(), "op code")
        operator = _code(Operator, reader.u8(), "operator")
        count = _OPERANDS.get(operator, 0)
        if count and reader.u8() != _SEQUENCE_NUMBER_FILTER:
            raise errors.FrameError(
                FrameReason.RESERVED_VALUE, "the filter is not by sequence number"
            )
        sequence_numbers = tuple(reader.u16() for _ in range(count))
        reader.finish()
        return cls(op_code, operator, sequence_numbers)

    def to_bytes(self) -> bytes:
        """Put the request together."""
        head = struct.pack("<BB", self.op_code, self.operator)
        if not self.sequence_numbers:
            return head
        operands = struct.pack(f"<{len(self.sequence_numbers)}H", *self.sequence_numbers)
        return head + struct.pack("<B", _SEQUENCE_NUMBER_FILTER) + operands


@dataclass(frozen=True, slots=True)
class CountResponse:
    """Answer to a count, or the end of a combined report.

    Attributes:
        count: how many records, 0 to 65535.
        op_code: COUNT_RESPONSE or COMBINED_RESPONSE.
    """

    count: int
    op_code: OpCode = OpCode.COUNT_RESPONSE

    @classmethod
    def from_bytes(cls, raw: bytes) -> CountResponse:
        """Take the answer apart.

        Raises:
            FrameError: it is no such answer.
        """
        reader = FrameReader(raw)
        is_combined = raw[:1] == bytes([OpCode.COMBINED_RESPONSE])
        op_code = OpCode.COMBINED_RESPONSE if is_combined else OpCode.COUNT_RESPONSE
        _expect_head(reader, op_code)
        response = cls(reader.u16(), op_code)
        reader.finish()
        return response

    def to_bytes(self) -> bytes:
        """Put the answer together."""
        return struct.pack("<BBH", self.op_code, Operator.NULL, self.count)


@dataclass(frozen=True, slots=True)
class Response:
    """Answer to everything else.

    Attributes:
        request_op_code: what it answers; any byte, for a meter repeats what it did not understand.
        code: how it ended.
    """

    request_op_code: int
    code: ResponseCode

    @classmethod
    def from_bytes(cls, raw: bytes) -> Response:
        """Take the answer apart.

        Raises:
            FrameError: it is no such answer.
        """
        reader = FrameReader(raw)
        _expect_head(reader, OpCode.RESPONSE)
        response = cls(reader.u8(), _code(ResponseCode, reader.u8(), "response code"))
        reader.finish()
        return response

    def to_bytes(self) -> bytes:
        """Put the answer together."""
        return struct.pack("<BBBB", OpCode.RESPONSE, Operator.NULL, self.request_op_code, self.code)


def report_all() -> Request:
    """Ask for every stored record."""
    return Request(OpCode.REPORT_RECORDS, Operator.ALL)


def report_from(sequence_number: int) -> Request:
    """Ask for the records from a sequence number on, that one included."""
    return Request(OpCode.REPORT_RECORDS, Operator.AT_LEAST, (sequence_number,))


def count() -> Request:
    """Ask how many records are stored."""
    return Request(OpCode.REPORT_COUNT, Operator.ALL)


def count_of(report: Request) -> Request:
    """Ask how many records a report would bring."""
    return replace(report, op_code=OpCode.REPORT_COUNT)


def abort() -> Request:
    """Stop the running procedure; its own answer is the only one that follows."""
    return Request(OpCode.ABORT, Operator.NULL)


def response_from_bytes(raw: bytes) -> CountResponse | Response:
    """Take whichever answer came apart.

    Raises:
        FrameError: it is no answer.
    """
    if raw[:1] in {bytes([OpCode.COUNT_RESPONSE]), bytes([OpCode.COMBINED_RESPONSE])}:
        return CountResponse.from_bytes(raw)
    return Response.from_bytes(raw)


def _expect_head(reader: FrameReader, op_code: OpCode) -> None:
    if (reader.u8(), reader.u8()) != (op_code, Operator.NULL):
        raise errors.FrameError(FrameReason.RESERVED_VALUE, "this is another op code or operator")


def _code(codes: type[_Code], number: int, what: str) -> _Code:
    try:
        return codes(number)
    except ValueError:
        raise errors.FrameError(FrameReason.RESERVED_VALUE, f"the {what} is reserved") from None
