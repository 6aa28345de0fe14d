"""A batch in the very form in which our own encoder writes it, read by two regular expressions.

Nearly every batch has that form, and checking it whole is many times as quick as reading it member by member. What
differs in anything at all, be it a space, the order of two fields or an escaped character, is not read here: the caller
then reads it the strict way, which finds out what is wrong with it, if anything is. Both ways agree on all that is read
here.
"""

from __future__ import annotations

import json
import re
from dataclasses import fields
from datetime import datetime
from typing import Final, get_args

from firmware_profiles import readings, topics
from firmware_profiles.wire_fields import FORBIDDEN
from firmware_profiles.wire_record import (
    MAX_ADVISORY_FIELDS,
    MAX_ADVISORY_TEXT,
    MAX_RAW_BYTES,
    Advisory,
    GatewayClock,
    Link,
    Record,
    WrittenAdvisory,
)

_TIME: Final = r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z)"
_ENVELOPE: Final = re.compile(
    rf'\{{"version":1,"gateway_id":"({topics.GATEWAY_ID_PATTERN})","epoch":"([0-9a-f]{{32}})",'
    rf'"sent_at":"{_TIME}","records":\[',
    re.ASCII,
)
# An advisory with the fields of a reading in their order: nothing can be wrong with it.
_ENTRY: Final = rf'(?:null|-?(?:0|[1-9]\d{{0,15}})(?:\.\d{{1,17}})?|"[ !#-\[\]-~]{{0,{MAX_ADVISORY_TEXT}}}"|true|false)'
_ADVISORY: Final = "|".join(
    r"\{" + ",".join(f'"{field.name}":{_ENTRY}' for field in fields(reading)) + r"\}"
    for reading in get_args(readings.Reading)
)
# Numbers have a few digits less than the wire format allows them, so that none can be out of its range.
_RECORD: Final = re.compile(
    r'\{"seq":([1-9]\d{0,17}),"peripheral":"((?:[0-9A-F]{2}:){5}[0-9A-F]{2})",'
    r'"profile_id":"([a-z0-9-]{1,64})","profile_version":([1-9]\d{0,3}),'
    r'"characteristic":"([0-9a-f]{4}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})",'
    rf'"raw":"([0-9a-f]{{0,{2 * MAX_RAW_BYTES}}})","received_at":"{_TIME}",'
    rf'"gateway_clock":"({"|".join(GatewayClock)})",'
    r'"device_clock_offset_s":(null|-?(?:0|[1-9]\d{0,10})(?:\.\d{1,17})?),'
    r'"time_zone":"([A-Za-z0-9_+-]{1,30}(?:/[A-Za-z0-9_+-]{1,30}){0,2})",'
    rf'"link":"({"|".join(Link)})","decoded":(null|({_ADVISORY})|\{{[^{{}}\[\]\\]*\}})\}}',
    re.ASCII,
)
_RECEIPT: Final = re.compile(
    r'\{"version":1,"epoch":"[0-9a-f]{32}","items":\[\{"first_seq":[1-9][0-9]{0,17},"last_seq":[1-9][0-9]{0,17},'
    r'"status":"(?:stored|duplicate|quarantined)","reason":(?:null|"[a-z0-9_]{1,64}")\}\]\}'
)
_CLOCKS: Final = {clock.value: clock for clock in GatewayClock}
_LINKS: Final = {link.value: link for link in Link}


def read(payload: bytes) -> tuple[str, str, datetime, tuple[Record, ...]] | None:
    """Return gateway id, outbox epoch, sending time and records; None for what has another form."""
    if not payload.isascii():
        return None
    text = payload.decode("ascii")
    envelope = _ENVELOPE.match(text)
    if envelope is None:
        return None
    try:
        records = _records(text, envelope.end())
        sent_at = datetime.fromisoformat(envelope[3])
    except (
        ValueError
    ):  # a time like the thirtieth of February, half a byte, not JSON behind “decoded”
        return None
    return None if records is None else (envelope[1], envelope[2], sent_at, records)


def receipt(
    epoch: str, first_seq: int, last_seq: int, status: str, reason: str | None
) -> bytes | None:
    """Write a receipt for one run of outbox positions, as nearly all are; None for one with anything unusual in it."""
    told = "null" if reason is None else f'"{reason}"'
    text = (
        f'{{"version":1,"epoch":"{epoch}","items":[{{"first_seq":{first_seq},"last_seq":{last_seq},'
        f'"status":"{status}","reason":{told}}}]}}'
    )
    return text.encode("ascii") if _RECEIPT.fullmatch(text) and first_seq <= last_seq else None


def _records(text: str, position: int) -> tuple[Record, ...] | None:
    records: list[Record] = []
    while True:
        found = _RECORD.match(text, position)
        if found is None:
            return None
        seq, peripheral, profile_id, version, characteristic, raw, received_at = found.group(
            1, 2, 3, 4, 5, 6, 7
        )
        clock, offset_s, time_zone, link, decoded, of_reading = found.group(8, 9, 10, 11, 12, 13)
        records.append(
            Record(
                int(seq),
                peripheral,
                profile_id,
                int(version),
                characteristic,
                bytes.fromhex(raw),
                datetime.fromisoformat(received_at),
                _CLOCKS[clock],
                None if offset_s == "null" else float(offset_s),
                time_zone,
                _LINKS[link],
                WrittenAdvisory(decoded) if of_reading else _advisory(decoded),
            )
        )
        position = found.end()
        if text.startswith(",", position):
            position += 1
        else:
            return tuple(records) if text[position:] == "]}" else None


def _advisory(text: str) -> Advisory | None:
    """Read a flat object without escapes.

    Raises:
        ValueError: the strict way may refuse something in it.
    """
    if text == "null":
        return None
    if _ODD_NUMBER.search(text):
        raise ValueError
    members: Advisory = _DECODER.decode(text)
    # Without escapes, a quotation mark before a colon ends a name: there are more of them where a name is there twice.
    if (
        len(members) != text.count('":')
        or len(members) > MAX_ADVISORY_FIELDS
        or not FORBIDDEN.isdisjoint(members)
        or (len(text) > MAX_ADVISORY_TEXT and _has_long_text(members))
    ):
        raise ValueError
    return members


def _has_long_text(members: Advisory) -> bool:
    texts = [*members, *(entry for entry in members.values() if isinstance(entry, str))]
    return any(len(text) > MAX_ADVISORY_TEXT for text in texts)


def _no_constant(_name: str) -> float:
    raise ValueError


# What may be larger than the wire format allows, or infinite; a text that looks like it is left to the strict way too.
_ODD_NUMBER: Final = re.compile(r"[0-9]{19}|[0-9][eE]")
_DECODER: Final = json.JSONDecoder(parse_constant=_no_constant)
