"""How staff prove who they are, as the store keeps it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from ingest import credentials, people, tenancy
from ingest.credentials import StaffAccount
from ingest.errors import RefusalReason, RefusedByStoreError
from ingest.people import Role

pytestmark = pytest.mark.db

AT = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
ISSUER = "https://op.example"


@pytest.fixture
def entrance(database: Any) -> Iterator[psycopg.Cursor[Any]]:
    """A cursor with the rights of the entrance, which works for nobody yet."""
    with database.connect("homevitals_entrance") as connection, connection.cursor() as cursor:
        yield cursor


def add(owner: psycopg.Connection[Any], practice_id: UUID, name: str) -> UUID:
    with owner.cursor() as cur:
        return people.add_staff(
            cur,
            practice_id,
            sign_in_name=name,
            display_name=f"{name} Example",
            role=Role.CARE_MANAGER,
            password_argon2="$argon2id$…",
        )


@pytest.fixture
def casey(owner: psycopg.Connection[Any], entrance: psycopg.Cursor[Any], home: Any) -> StaffAccount:
    add(owner, home.practice_id, "casey")
    found = credentials.find_staff(entrance, "elm-aaaa1111", "casey")
    assert found is not None
    return found


def again(entrance: psycopg.Cursor[Any], account: StaffAccount) -> StaffAccount:
    found = credentials.staff_account(entrance, account.practice_id, account.staff_id)
    assert found is not None
    return found


def test_names_are_found_exactly_and_within_their_practice(
    owner: psycopg.Connection[Any],
    entrance: psycopg.Cursor[Any],
    casey: StaffAccount,
    other_home: Any,
) -> None:
    add(owner, other_home.practice_id, "casey")
    other = credentials.find_staff(entrance, "elm-bbbb2222", "casey")
    assert other is not None
    assert other.practice_id == other_home.practice_id
    assert other.staff_id != casey.staff_id
    assert (casey.slug, casey.practice_name, casey.role) == (
        "elm-aaaa1111",
        "Elm Street",
        Role.CARE_MANAGER,
    )
    for slug, name in (("elm-aaaa1111", "Casey"), ("elm", "casey"), ("", "casey")):
        assert credentials.find_staff(entrance, slug, name) is None
    assert credentials.staff_account(entrance, other_home.practice_id, casey.staff_id) is None
    owner.execute("update ingest.staff set disabled_at = %s", (AT,))
    assert again(entrance, casey).disabled_at == AT


def test_password_replaces_the_one_that_was_looked_at(
    owner: psycopg.Connection[Any], entrance: psycopg.Cursor[Any], casey: StaffAccount
) -> None:
    assert credentials.set_password(entrance, casey, "new")
    assert not credentials.set_password(entrance, casey, "newer")
    assert again(entrance, casey).password_argon2 == "new"
    entrance.connection.commit()
    owner.execute("update ingest.staff set password_argon2 = null")
    assert credentials.set_password(entrance, replace(casey, password_argon2=None), "first")
    entrance.connection.commit()
    owner.execute("update ingest.staff set disabled_at = now()")
    assert not credentials.set_password(entrance, again(entrance, casey), "too late")


def test_second_factor_is_set_once_and_each_step_counts_once(
    database: Any, entrance: psycopg.Cursor[Any], casey: StaffAccount
) -> None:
    assert not credentials.use_totp_step(entrance, casey, 7)
    assert credentials.set_totp(entrance, casey, totp_sealed=b"sealed", step=7, at=AT)
    assert not credentials.set_totp(entrance, casey, totp_sealed=b"other", step=9, at=AT)
    found = again(entrance, casey)
    assert (found.totp_sealed, found.totp_confirmed_at, found.totp_last_step) == (b"sealed", AT, 7)
    uses = [credentials.use_totp_step(entrance, casey, step) for step in (6, 7, 8, 8, 7, 10)]
    assert uses == [False, False, True, False, False, True]
    entrance.connection.commit()
    with (
        database.connect("homevitals_console") as connection,
        tenancy.transaction(connection, casey.practice_id) as cur,
    ):
        assert credentials.reset_totp(cur, casey.practice_id, casey.staff_id)
        assert not credentials.reset_totp(cur, casey.practice_id, casey.staff_id)
    assert again(entrance, casey).totp_confirmed_at is None


def test_identity_is_linked_once_and_to_one_account_of_the_practice(
    owner: psycopg.Connection[Any],
    entrance: psycopg.Cursor[Any],
    casey: StaffAccount,
    other_home: Any,
) -> None:
    robin_id = add(owner, casey.practice_id, "robin")
    foreign_id = add(owner, other_home.practice_id, "casey")
    assert credentials.find_linked_staff(entrance, casey.practice_id, ISSUER, "s") is None
    assert credentials.link_identity(entrance, casey, ISSUER, "s")
    assert not credentials.link_identity(entrance, casey, ISSUER, "t")
    found = credentials.find_linked_staff(entrance, casey.practice_id, ISSUER, "s")
    assert found is not None
    assert found.staff_id == casey.staff_id
    for issuer, subject in ((ISSUER, "S"), ("https://other.example", "s"), (f"{ISSUER}/", "s")):
        assert credentials.find_linked_staff(entrance, casey.practice_id, issuer, subject) is None
    entrance.connection.commit()

    robin = credentials.staff_account(entrance, casey.practice_id, robin_id)
    foreign = credentials.staff_account(entrance, other_home.practice_id, foreign_id)
    assert robin is not None
    assert foreign is not None
    # The same person may work for two practices.
    assert credentials.link_identity(entrance, foreign, ISSUER, "s")
    with pytest.raises(RefusedByStoreError) as refused:
        credentials.link_identity(entrance, robin, ISSUER, "s")
    assert refused.value.reason is RefusalReason.ALREADY_THERE


def test_practice_has_one_provider(
    database: Any, entrance: psycopg.Cursor[Any], casey: StaffAccount
) -> None:
    assert credentials.identity_provider(entrance, casey.slug) is None
    entrance.connection.commit()
    with (
        database.connect("homevitals_owner") as connection,
        tenancy.transaction(connection, casey.practice_id) as cur,
    ):
        for client_id in ("first", "second"):
            credentials.set_identity_provider(
                cur, casey.practice_id, issuer=ISSUER, client_id=client_id
            )
        with pytest.raises(RefusedByStoreError), connection.transaction():
            credentials.set_identity_provider(
                cur, casey.practice_id, issuer="ftp://x", client_id="c"
            )
    found = credentials.identity_provider(entrance, casey.slug)
    assert found is not None
    assert (found.practice_id, found.issuer, found.client_id) == (
        casey.practice_id,
        ISSUER,
        "second",
    )
    assert found.second_factor_amr == credentials.SECOND_FACTOR_AMR


def test_provider_is_set_by_the_owner_alone(database: Any, casey: StaffAccount) -> None:
    with (
        database.connect("homevitals_console") as connection,
        tenancy.transaction(connection, casey.practice_id) as cur,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        credentials.set_identity_provider(cur, casey.practice_id, issuer=ISSUER, client_id="c")


def test_account_of_nobody_is_none(entrance: psycopg.Cursor[Any], home: Any) -> None:
    assert credentials.staff_account(entrance, home.practice_id, uuid4()) is None
