from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import argon2
import pytest

from ccm_link.console.entrance import passwords
from ingest.credentials import StaffAccount
from ingest.people import Role

KEPT = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("right")


def account(password_argon2: str | None, disabled_at: datetime | None = None) -> StaffAccount:
    return StaffAccount(
        practice_id=uuid4(),
        staff_id=uuid4(),
        slug="elm",
        practice_name="Elm Street",
        sign_in_name="casey",
        display_name="Casey",
        role=Role.CLINICIAN,
        password_argon2=password_argon2,
        disabled_at=disabled_at,
    )


@pytest.mark.parametrize(
    ("stored", "password", "expected"),
    [
        pytest.param(account(KEPT), "right", True, id="right"),
        pytest.param(account(KEPT), "wrong", False, id="wrong"),
        pytest.param(account(KEPT), "", False, id="empty"),
        pytest.param(account("not a hash"), "right", False, id="broken hash grants nothing"),
        pytest.param(account(None), "", False, id="no password set"),
        pytest.param(account(KEPT, datetime.now(UTC)), "right", False, id="closed account"),
        pytest.param(None, "right", False, id="nobody"),
    ],
)
def test_a_password_is_checked(
    stored: StaffAccount | None, password: str, *, expected: bool
) -> None:
    assert passwords.is_password_of(stored, password) is expected


@pytest.mark.parametrize(
    "nothing_to_check",
    [None, account(None), account(KEPT, datetime.now(UTC))],
    ids=["unknown name", "no password", "closed account"],
)
def test_what_cannot_be_right_costs_a_hash_too(
    monkeypatch: pytest.MonkeyPatch, nothing_to_check: StaffAccount | None
) -> None:
    checked: list[str] = []

    class Watched(argon2.PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # noqa: A002 - argon2's name
            checked.append(str(hash))
            return super().verify(hash, password)

    monkeypatch.setattr(passwords, "_HASHER", Watched())
    passwords.is_password_of(nothing_to_check, "anything")
    assert len(checked) == 1
    parameters = argon2.extract_parameters(checked[0])
    assert parameters == argon2.extract_parameters(passwords.hash_of("x"))
