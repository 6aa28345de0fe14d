from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from deploy import certificates

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def loaded(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


@pytest.mark.parametrize(
    "name",
    [
        "",
        "gw-abcdefgh",
        "ingest-",
        "ingest-1/x",
        "INGEST-1",
        "guard-+",
        "guard-1\n",
        "#",
        "root",
    ],
)
def test_a_name_outside_the_grammar_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="is called"):
        certificates.ThrowAwayAuthority(tmp_path, NOW).credentials(name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ca.key", "ca.pem"]


@pytest.mark.parametrize("name", ["ingest-1", "ingest-12", "guard-1", "localhost"])
def test_a_certificate_names_its_service_and_is_signed_by_the_authority(
    tmp_path: Path, name: str
) -> None:
    authority = certificates.ThrowAwayAuthority(tmp_path, NOW)
    found = authority.credentials(name)
    certificate = loaded(found.certificate_file)
    certificate.verify_directly_issued_by(loaded(authority.ca_file))
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert [one.value for one in names] == [name]


def test_keys_are_readable_by_their_owner_alone(tmp_path: Path) -> None:
    authority = certificates.ThrowAwayAuthority(tmp_path, NOW)
    for path in (authority.credentials("guard-1").key_file, tmp_path / "ca.key"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_second_start_keeps_what_was_issued(tmp_path: Path) -> None:
    first = certificates.ThrowAwayAuthority(tmp_path, NOW).credentials("ingest-1")
    before = first.certificate_file.read_bytes()
    again = certificates.ThrowAwayAuthority(tmp_path, NOW + timedelta(days=1)).credentials(
        "ingest-1"
    )
    assert again.certificate_file.read_bytes() == before


def test_everything_is_renewed_when_the_authority_has_expired(tmp_path: Path) -> None:
    certificates.ThrowAwayAuthority(tmp_path, NOW).credentials("ingest-1")
    later = NOW + timedelta(days=120)
    authority = certificates.ThrowAwayAuthority(tmp_path, later)
    renewed = loaded(authority.credentials("ingest-1").certificate_file)
    assert renewed.not_valid_after_utc > later
    renewed.verify_directly_issued_by(loaded(authority.ca_file))
