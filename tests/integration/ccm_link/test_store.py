"""Every named statement runs on the real database, under the role that uses it."""

from __future__ import annotations

import re
from typing import Any, cast

import pytest

from ccm_link import store

pytestmark = [
    pytest.mark.db,
    pytest.mark.parametrize("database", ["partitions"], indirect=True),
]
ROLES = {
    "insert_task": "homevitals_alerts",
}


@pytest.mark.parametrize("name", list(store.Q))
def test_statement_is_valid_and_its_role_may_run_it(database: Any, name: str) -> None:
    statement = getattr(store.Q, name)
    parameters = dict.fromkeys(re.findall(r"%\((\w+)\)s", statement))
    assert re.search(rf"\bQ\.{name}\b", _source(store)), f"nothing uses {name}"
    with database.connect(ROLES.get(name, "homevitals_console")) as connection:
        connection.execute(cast("Any", "explain " + statement), parameters)


def _source(module: Any) -> str:
    return str(module.__spec__.loader.get_source(module.__name__))
