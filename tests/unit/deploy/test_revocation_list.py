"""What may reach the broker's files, and what must not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from deploy import errors, revocation_list

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Authority:
    def __init__(self, name: str) -> None:
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.pem = (
            x509.CertificateBuilder()
            .subject_name(self._name)
            .issuer_name(self._name)
            .public_key(self._key.public_key())
            .serial_number(1)
            .not_valid_before(NOW)
            .not_valid_after(NOW + timedelta(days=1000))
            .sign(self._key, hashes.SHA256())
            .public_bytes(serialization.Encoding.PEM)
        )

    def crl(self, *serials: int, days: int = 30) -> bytes:
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._name)
            .last_update(NOW)
            .next_update(NOW + timedelta(days=days))
        )
        for serial in serials:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(NOW).build()
            )
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


FIRST, SECOND = Authority("authority 1"), Authority("authority 2")
# The same name, another key.
IMPOSTOR = Authority("authority 1")


def test_lists_of_all_generations_are_taken_together() -> None:
    both = FIRST.crl(1, 2, days=10) + SECOND.crl(2, 3, days=20)
    trust = revocation_list.checked(FIRST.pem + SECOND.pem, both)
    assert trust.serials == {1, 2, 3}
    assert trust.expires_at == NOW + timedelta(days=10)


def test_a_list_of_a_generation_that_ended_does_no_harm() -> None:
    trust = revocation_list.checked(FIRST.pem, FIRST.crl(1, days=30) + SECOND.crl(9, days=1))
    assert trust.serials == {1}
    assert trust.expires_at == NOW + timedelta(days=30)


@pytest.mark.parametrize(
    ("authority", "lists"),
    [
        pytest.param(FIRST.pem, b"", id="nothing"),
        pytest.param(b"", FIRST.crl(), id="no authority"),
        pytest.param(FIRST.pem, SECOND.crl(), id="another authority's"),
        pytest.param(FIRST.pem, IMPOSTOR.crl(), id="signed by another key"),
        pytest.param(FIRST.pem + SECOND.pem, FIRST.crl(), id="one generation without a list"),
        pytest.param(FIRST.pem, FIRST.crl()[:-80] + b"\n-----END X509 CRL-----\n", id="cut off"),
        pytest.param(FIRST.pem, b"<html>", id="something else"),
        pytest.param(FIRST.crl(), FIRST.pem, id="the wrong way round"),
    ],
)
def test_what_cannot_be_trusted_is_refused(authority: bytes, lists: bytes) -> None:
    with pytest.raises(errors.BadRevocationList):
        revocation_list.checked(authority, lists)


@pytest.mark.parametrize(
    ("serials", "day", "covered"),
    [(["1"], 0, True), (["ff"], 0, True), (["1", "2"], 0, False), ([], 29, True), ([], 30, False)],
)
def test_a_list_covers_what_it_holds_while_it_lives(
    serials: list[str], day: int, covered: bool
) -> None:
    trust = revocation_list.checked(FIRST.pem, FIRST.crl(1, 255))
    assert trust.covers(serials, NOW + timedelta(days=day)) is covered


def test_a_younger_list_is_wanted_after_half_of_a_life_or_for_a_new_generation() -> None:
    old = revocation_list.checked(FIRST.pem, FIRST.crl())
    assert old.serves_as_well_as(old, NOW + timedelta(days=14))
    assert not old.serves_as_well_as(old, NOW + timedelta(days=15))
    both = revocation_list.checked(FIRST.pem + SECOND.pem, FIRST.crl() + SECOND.crl())
    assert not old.serves_as_well_as(both, NOW)


def test_files_come_back_as_they_were_written(tmp_path: Path) -> None:
    files = tmp_path / "authority.pem", tmp_path / "revoked.pem"
    assert revocation_list.read(*files) is None
    trust = revocation_list.checked(FIRST.pem, FIRST.crl(7))
    revocation_list.write(trust, *files)
    assert revocation_list.read(*files) == trust
    assert {file.stat().st_mode & 0o777 for file in files} == {0o644}
    files[1].write_bytes(b"")
    assert revocation_list.read(*files) is None
