"""How staff prove who they are, in PostgreSQL: passwords, second factors, identities at an OpenID provider.

Nothing is checked here: the store keeps hashes and sealed secrets and never sees a password or a code. Every function
takes an open cursor, the entrance's unless it says otherwise; whoever opened the transaction commits it. Changes hold
exactly for the state that was looked at, and return False where it has changed meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import psycopg

from ingest import named_queries, statements
from ingest.people import Role

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ingest", "credentials")

# Any of these in an ID token says that more than a password was asked for.
# Source: RFC 8176, section 2 (authentication method reference values), June 2017.
SECOND_FACTOR_AMR: Final = ("mfa", "otp", "hwk", "swk", "fpt", "face")


@dataclass(frozen=True, slots=True)
class StaffAccount:
    """An account of a member of staff, disabled ones too, with what it is checked against.

    Attributes:
        practice_id: The practice.
        staff_id: The person.
        slug: The practice's short name.
        practice_name: Its name.
        sign_in_name: The part before the “@”.
        display_name: The person's name.
        role: What the person may do.
        password_argon2: None where none was set yet.
        totp_sealed: The sealed secret of the second factor.
        totp_confirmed_at: None where there is no second factor.
        totp_last_step: Time step of the last code that counted.
        oidc_issuer: The provider that the account is linked to.
        oidc_subject: The person's identifier there.
        disabled_at: When the account was closed.
    """

    practice_id: UUID
    staff_id: UUID
    slug: str
    practice_name: str
    sign_in_name: str
    display_name: str
    role: Role
    password_argon2: str | None
    totp_sealed: bytes | None = None
    totp_confirmed_at: datetime | None = None
    totp_last_step: int | None = None
    oidc_issuer: str | None = None
    oidc_subject: str | None = None
    disabled_at: datetime | None = None

    @property
    def context(self) -> tuple[str, ...]:
        """Return what a guesser of the person's password would know."""
        return (self.sign_in_name, self.display_name, self.slug, self.practice_name)

    def __post_init__(self) -> None:
        object.__setattr__(self, "role", Role(self.role))


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """The OpenID provider of a practice; any of ``second_factor_amr`` counts as a second factor."""

    practice_id: UUID
    slug: str
    issuer: str
    client_id: str
    second_factor_amr: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "second_factor_amr", tuple(self.second_factor_amr))


def find_staff(cur: Cursor, slug: str, sign_in_name: str) -> StaffAccount | None:
    """Return the account of ``sign_in_name@slug``, disabled or not."""
    parameters = {"slug": slug, "sign_in_name": sign_in_name}
    return statements.first(cur, StaffAccount, _Q.find_staff, parameters)


def staff_account(cur: Cursor, practice_id: UUID, staff_id: UUID) -> StaffAccount | None:
    """Return an account by its id, disabled or not; also for the console and the owner."""
    parameters = {"practice_id": practice_id, "staff_id": staff_id}
    return statements.first(cur, StaffAccount, _Q.staff_account, parameters)


def find_linked_staff(
    cur: Cursor, practice_id: UUID, issuer: str, subject: str
) -> StaffAccount | None:
    """Return the account that a provider's subject was linked to, disabled or not."""
    parameters = {"practice_id": practice_id, "issuer": issuer, "subject": subject}
    return statements.first(cur, StaffAccount, _Q.find_linked_staff, parameters)


def set_password(cur: Cursor, account: StaffAccount, password_argon2: str) -> bool:
    """Replace the hash that the account was found with; also for the console."""
    parameters = _key(account) | {
        "former_argon2": account.password_argon2,
        "password_argon2": password_argon2,
    }
    return statements.changed(cur, _Q.set_password, parameters)


def set_totp(
    cur: Cursor, account: StaffAccount, *, totp_sealed: bytes, step: int, at: datetime
) -> bool:
    """Give an account a second factor; one that it has is not replaced. Also for the console.

    Args:
        cur: Open cursor.
        account: Whose.
        totp_sealed: The sealed secret, of which a first code was shown.
        step: Time step of that code, which has counted with this.
        at: Now, aware UTC.
    """
    parameters = _key(account) | {"totp_sealed": totp_sealed, "step": step, "at": at}
    return statements.changed(cur, _Q.set_totp, parameters)


def use_totp_step(cur: Cursor, account: StaffAccount, step: int) -> bool:
    """Use up the code of a time step; False where it, or a later one, has counted already."""
    return statements.changed(cur, _Q.use_totp_step, _key(account) | {"step": step})


def reset_totp(cur: Cursor, practice_id: UUID, staff_id: UUID) -> bool:
    """Forget a second factor, so that the next sign-in sets up another. The cursor is the console's."""
    parameters = {"practice_id": practice_id, "staff_id": staff_id}
    return statements.changed(cur, _Q.reset_totp, parameters)


def link_identity(cur: Cursor, account: StaffAccount, issuer: str, subject: str) -> bool:
    """Link an account that is linked to nobody to a subject of the practice's provider.

    Raises:
        RefusedByStoreError: another account of the practice is linked to it.
    """
    parameters = _key(account) | {"issuer": issuer, "subject": subject}
    return statements.changed(cur, _Q.link_identity, parameters)


def set_identity_provider(
    cur: Cursor,
    practice_id: UUID,
    *,
    issuer: str,
    client_id: str,
    second_factor_amr: tuple[str, ...] = SECOND_FACTOR_AMR,
) -> None:
    """Set or replace the practice's OpenID provider. The cursor is the owner's.

    Raises:
        RefusedByStoreError: the issuer is no http address, or there is no such practice.
    """
    with statements.refusals():
        cur.execute(
            _Q.set_identity_provider,
            {
                "practice_id": practice_id,
                "issuer": issuer,
                "client_id": client_id,
                "second_factor_amr": list(second_factor_amr),
            },
        )


def identity_provider(cur: Cursor, slug: str) -> IdentityProvider | None:
    """Return the OpenID provider of the practice of a short name."""
    return statements.first(cur, IdentityProvider, _Q.identity_provider, {"slug": slug})


def _key(account: StaffAccount) -> dict[str, UUID]:
    return {"practice_id": account.practice_id, "staff_id": account.staff_id}
