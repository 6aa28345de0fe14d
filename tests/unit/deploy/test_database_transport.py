"""Which connection strings keep health data inside of the machine, or behind TLS that checks the server's name."""

from __future__ import annotations

import pytest

from deploy import database_transport

REMOTE = "host=db.example.org dbname=d user=u"


@pytest.mark.parametrize(
    ("connection_string", "environ"),
    [
        pytest.param("dbname=d user=u", {}, id="libpq's default is a socket"),
        pytest.param("", {}, id="nothing said"),
        pytest.param("host=/run/postgresql dbname=d", {}, id="socket"),
        pytest.param("host=@hidden dbname=d", {}, id="abstract socket"),
        pytest.param("postgresql://u@%2Frun%2Fpg/d", {}, id="socket as address"),
        pytest.param("host=127.0.0.1", {}, id="loopback"),
        pytest.param("host=127.8.9.1", {}, id="all of the loopback network"),
        pytest.param("host=::1", {}, id="loopback, version 6"),
        pytest.param("postgresql://u@localhost/d", {}, id="localhost"),
        pytest.param("host=db.example.org hostaddr=127.0.0.1", {}, id="a tunnel"),
        pytest.param(f"{REMOTE} sslmode=verify-full", {}, id="TLS that checks the name"),
        pytest.param("postgresql://u@db/d?sslmode=verify-full", {}, id="the same as address"),
        pytest.param(REMOTE, {"PGSSLMODE": "verify-full"}, id="by the environment"),
        pytest.param("host=a,b sslmode=verify-full", {}, id="several servers"),
    ],
)
def test_ways_that_nobody_can_read_along(connection_string: str, environ: dict[str, str]) -> None:
    assert database_transport.faults(connection_string, environ) == []


@pytest.mark.parametrize(
    ("connection_string", "environ"),
    [
        pytest.param(REMOTE, {}, id="nothing said"),
        pytest.param(f"{REMOTE} sslmode=disable", {}, id="disable"),
        pytest.param(f"{REMOTE} sslmode=prefer", {}, id="prefer"),
        pytest.param(f"{REMOTE} sslmode=require", {}, id="encrypts for anybody"),
        pytest.param(f"{REMOTE} sslmode=verify-ca", {}, id="any name of the authority"),
        pytest.param(f"{REMOTE} sslmode=require", {"PGSSLMODE": "verify-full"}, id="own word wins"),
        pytest.param("dbname=d", {"PGHOST": "db"}, id="by the environment"),
        pytest.param("host=localhost", {"PGHOSTADDR": "10.0.0.1"}, id="address by the environment"),
        pytest.param("host=localhost hostaddr=10.0.0.1", {}, id="the address is what counts"),
        pytest.param("host=/run/pg,db.example.org", {}, id="one of several"),
        pytest.param("host=localhost.example.org", {}, id="begins like localhost"),
        pytest.param("host=127.0.0.1.example.org", {}, id="begins like the loopback"),
        pytest.param("host=0.0.0.0", {}, id="any address"),
    ],
)
def test_ways_that_somebody_can_read_along(connection_string: str, environ: dict[str, str]) -> None:
    (fault,) = database_transport.faults(connection_string, environ)
    assert "sslmode=verify-full" in fault
    assert "db.example.org" not in fault


@pytest.mark.parametrize(
    ("connection_string", "environ", "words"),
    [
        ("host=", {"PGPASSWORD": "k7Q-f2M"}, "PGPASSWORD"),
        ("service=main", {}, "service file"),
        ("dbname=d", {"PGSERVICE": "main"}, "service file"),
        ("password=changeme", {}, "placeholder"),
        ("postgresql://u:postgres@localhost/d", {}, "placeholder"),
        ("hots=/run", {}, "no connection string"),
        ("host=/run user", {}, "no connection string"),
        ("postgresql://[::1/d", {}, "no connection string"),
    ],
)
def test_what_hides_the_way_or_the_password_is_refused(
    connection_string: str, environ: dict[str, str], words: str
) -> None:
    (fault,) = database_transport.faults(connection_string, environ)
    assert words in fault
    assert "; " in fault  # what to do
    assert "k7Q-f2M" not in fault


def test_a_password_is_noticed() -> None:
    assert database_transport.holds_a_password("password=k7Q-f2M")
    assert database_transport.holds_a_password("postgresql://u:k7Q-f2M@h/d")
    assert not database_transport.holds_a_password("host=/run passfile=/etc/p")
    assert not database_transport.holds_a_password("no connection string")
