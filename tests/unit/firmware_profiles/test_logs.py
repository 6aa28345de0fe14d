from __future__ import annotations

import ast
import json
import logging
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware_profiles import logs

SECRET = "Ada Lovelace 142/91"


def line(message: object, *args: object, **extra: object) -> dict[str, object]:
    record = logging.getLogger("ingest.service").makeRecord(
        "ingest.service",
        logging.INFO,
        "/srv/ingest/service.py",
        7,
        message,
        args,
        None,
        None,
        extra,
    )
    written = logs.JsonLines().format(record)
    assert "\n" not in written
    parsed = json.loads(written)
    assert isinstance(parsed, dict)
    return parsed


def test_line_has_time_level_logger_and_event() -> None:
    record = logging.makeLogRecord(
        {"msg": "record_stored", "name": "x.y", "levelname": "INFO", "created": 1769846400.25}
    )
    assert json.loads(logs.JsonLines().format(record)) == {
        "at": "2026-01-31T08:00:00.250Z",
        "level": "info",
        "logger": "x.y",
        "event": "record_stored",
    }


def test_allowed_extra_fields_are_kept() -> None:
    reading_id = uuid.uuid4()
    got = line(
        "record_stored", gateway_id="gw-ab12cd34", count=3, online=True, reading_id=reading_id,
        duration_s=0.5, reason=None,
    )  # fmt: skip
    assert got["gateway_id"] == "gw-ab12cd34"
    assert (got["count"], got["online"], got["duration_s"], got["reason"]) == (3, True, 0.5, None)
    assert got["reading_id"] == str(reading_id)
    assert "dropped" not in got


@pytest.mark.parametrize(
    "extra",
    [
        pytest.param({"patient_name": "Ada"}, id="unknown key"),
        pytest.param({"systolic_mmhg": 142}, id="reading"),
        pytest.param({"reason": SECRET}, id="text with spaces"),
        pytest.param({"reason": "x" * 129}, id="long text"),
        pytest.param({"reason": "two\nlines"}, id="line end"),
        pytest.param({"reason": "Ada\n"}, id="line end at the end"),
        pytest.param({"count": float("nan")}, id="NaN"),
        pytest.param({"count": [142]}, id="list"),
        pytest.param({"reason": b"Ada"}, id="bytes"),
        pytest.param({"event": "forged"}, id="own key"),
    ],
)
def test_anything_else_is_dropped_and_counted(extra: dict[str, object]) -> None:
    got = line("record_stored", **extra)
    assert set(got) == {"at", "level", "logger", "event", "dropped"}
    assert (got["event"], got["dropped"]) == ("record_stored", 1)


@pytest.mark.parametrize(
    ("message", "args"),
    [
        pytest.param(f"patient {SECRET}", (), id="sentence"),
        pytest.param("got %s", (SECRET,), id="arguments"),
        pytest.param("event_like", ({"a": SECRET},), id="event with arguments"),
        pytest.param({"a": SECRET}, (), id="no string"),
        pytest.param("x" * 65, (), id="long"),
    ],
)
def test_text_of_a_library_is_withheld_and_its_place_told(
    message: object, args: tuple[object, ...]
) -> None:
    got = line(message, *args)
    assert (got["event"], got["source"]) == ("library_message", "ingest/service.py:7")
    assert "Ada" not in json.dumps(got)


def extra_keys_in(tree: ast.AST) -> set[str]:
    return {
        key.value
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword)
        and node.arg == "extra"
        and isinstance(node.value, ast.Dict)
        for key in node.value.keys
        if isinstance(key, ast.Constant)
    }


def test_every_key_that_the_product_logs_is_allowed() -> None:
    # A key that is not allowed would be dropped at run time, and nobody would notice.
    root = Path(logs.__file__).parents[1]
    packages = ["alerts", "ccm_link", "deploy", "firmware_profiles", "gateway", "ingest"]
    sources = [path for package in packages for path in (root / package).rglob("*.py")]
    logged = {key for path in sources for key in extra_keys_in(ast.parse(path.read_text("utf-8")))}
    assert logged <= logs.ALLOWED_KEYS


def fail_in_two_steps() -> None:
    try:
        {}[SECRET]
    except KeyError as cause:
        raise ValueError(SECRET) from cause


def test_exception_tells_types_and_places_but_no_text() -> None:
    try:
        fail_in_two_steps()
    except ValueError:
        record = logging.getLogger("x").makeRecord(
            "x", logging.ERROR, "p.py", 1, "loop_failed", (), sys.exc_info()
        )
    written = logs.JsonLines().format(record)
    assert "Ada" not in written
    exceptions = json.loads(written)["exceptions"]
    assert [entry["type"] for entry in exceptions] == ["builtins.ValueError", "builtins.KeyError"]
    assert all(
        frame.startswith("firmware_profiles/test_logs.py:")
        for entry in exceptions
        for frame in entry["frames"]
    )


@pytest.fixture
def root_logger() -> Iterator[logging.Logger]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield root
    root.handlers[:], root.level = handlers, level


def test_configure_writes_json_lines_to_stderr(
    root_logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure("info")
    logging.getLogger("ingest").info("record_stored", extra={"count": 1})
    logging.getLogger("ingest").debug("not_shown")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert json.loads(captured.err)["event"] == "record_stored"


def test_configure_refuses_when_level_is_unknown(root_logger: logging.Logger) -> None:
    with pytest.raises(ValueError, match="Unknown level"):
        logs.configure("loud")
