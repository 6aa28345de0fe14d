from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from deploy import errors
from deploy.signer.authority import CERTIFICATE_LIFETIME, GatewayAuthority
from ingest.errors import EnrolmentReason, EnrolmentRefused
from ingest.signing import Issued, RevokedSerial
from tests.enrolled_gateways import gateway_credentials, signing_request

NOW = datetime(2026, 11, 12, 15, 42, tzinfo=UTC)
DAY = timedelta(days=1)
GATEWAY = "gw-aaaa1111"
KEY = ec.generate_private_key(ec.SECP256R1())
CSR = signing_request(KEY)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def authority(tmp_path: Path, clock: Clock) -> GatewayAuthority:
    return GatewayAuthority(tmp_path / "signer", clock)


def certificate_of(issued: Issued) -> x509.Certificate:
    return x509.load_pem_x509_certificate(issued.certificate.encode())


def trusted(authority: GatewayAuthority) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(authority.bundle().encode())


def issuer_number(authority: GatewayAuthority) -> str:
    name = certificate_of(authority.issue(GATEWAY, CSR)).issuer.rfc4514_string()
    return name.rpartition(" ")[2]


def test_certificate_holds_what_the_server_decided(authority: GatewayAuthority) -> None:
    issued = authority.issue(GATEWAY, CSR)

    certificate = certificate_of(issued)
    assert certificate.subject.rfc4514_string() == f"CN={GATEWAY}"
    assert certificate.public_key() == KEY.public_key()
    assert issued.serial == f"{certificate.serial_number:x}"
    assert issued.not_after == certificate.not_valid_after_utc == NOW + CERTIFICATE_LIFETIME
    assert issued.not_before == certificate.not_valid_before_utc <= NOW
    extensions = certificate.extensions
    assert list(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [
        ExtendedKeyUsageOID.CLIENT_AUTH
    ]
    assert not extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert not extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    certificate.verify_directly_issued_by(trusted(authority)[0])


def test_authority_can_sign_nothing_but_ends(authority: GatewayAuthority) -> None:
    (certificate,) = trusted(authority)

    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (constraints.value.ca, constraints.value.path_length, constraints.critical) == (
        True,
        0,
        True,
    )


def test_serials_are_never_the_same(authority: GatewayAuthority) -> None:
    serials = {authority.issue(GATEWAY, CSR).serial for _ in range(20)}

    assert len(serials) == 20
    assert all(len(serial) > 20 for serial in serials)


@pytest.mark.parametrize(
    "gateway_id",
    ["", "gw-", "gw-AAAA1111", "gw-aaaa1111x", "gw-aaaa111", "gw-aa/a1111", "gw-aa+a1111", "gw-aa#a1111",
     "$SYS", "gw-aaaa111\0", "gw-aaaa1111\n", "gw-äaaa1111", "ingest-1", "localhost"],
    ids=repr,
)  # fmt: skip
def test_no_other_name_is_signed(authority: GatewayAuthority, gateway_id: str) -> None:
    with pytest.raises(EnrolmentRefused) as refused:
        authority.issue(gateway_id, CSR)

    assert refused.value.reason is EnrolmentReason.UNKNOWN_GATEWAY


hostile_texts = st.text(
    alphabet=st.sampled_from(
        [*'gw-aaaa1111/+#$*=,;\\"<> ', "\0", "\n", "ä", "人", "\u202e", "\x7f"]
    ),
    min_size=1,
    max_size=40,
)
subjects = st.lists(
    st.tuples(
        st.sampled_from(
            [NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME, NameOID.TITLE, NameOID.USER_ID]
        ),
        hostile_texts,
    ),
    max_size=5,
)


@given(subject=subjects, alternatives=st.lists(hostile_texts, max_size=3))
def test_nothing_of_a_request_reaches_the_certificate_but_its_key(
    tmp_path_factory: pytest.TempPathFactory,
    subject: list[tuple[x509.ObjectIdentifier, str]],
    alternatives: list[str],
) -> None:
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name(
            [
                x509.NameAttribute(
                    oid, text, _validate=False
                )  # what a hostile sender would not check
                for oid, text in subject
            ]
        )
    )
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    names = [x509.OtherName(NameOID.COMMON_NAME, b"\x0c\x01a"), x509.DNSName("gw-zzzz9999")]
    names += [
        x509.UniformResourceIdentifier("hv:" + text.encode("ascii", "ignore").decode("ascii"))
        for text in alternatives
    ]
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    csr = builder.sign(KEY, hashes.SHA256())
    authority = GatewayAuthority(shared_folder(tmp_path_factory), lambda: NOW)

    certificate = certificate_of(
        authority.issue(GATEWAY, csr.public_bytes(Encoding.PEM).decode("ascii"))
    )

    assert [attribute.value for attribute in certificate.subject] == [GATEWAY]
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    with pytest.raises(x509.ExtensionNotFound):
        certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert {extension.oid for extension in certificate.extensions} == {
        x509.BasicConstraints.oid,
        x509.KeyUsage.oid,
        x509.ExtendedKeyUsage.oid,
        x509.SubjectKeyIdentifier.oid,
        x509.AuthorityKeyIdentifier.oid,
    }


_folders: list[Path] = []


def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not _folders:
        _folders.append(tmp_path_factory.mktemp("hostile") / "signer")
    return _folders[0]


def test_folder_and_keys_are_nobody_elses(authority: GatewayAuthority, tmp_path: Path) -> None:
    folder = tmp_path / "signer"

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    (key_file,) = folder.glob("*.key")
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600


def test_authority_is_the_same_after_a_restart(
    authority: GatewayAuthority, tmp_path: Path, clock: Clock
) -> None:
    again = GatewayAuthority(tmp_path / "signer", clock)

    assert again.bundle() == authority.bundle()
    certificate_of(again.issue(GATEWAY, CSR)).verify_directly_issued_by(trusted(authority)[0])


def test_key_without_certificate_is_made_again(tmp_path: Path, clock: Clock) -> None:
    folder = tmp_path / "signer"
    folder.mkdir()
    (folder / "authority-1.key").write_text("half a key")

    authority = GatewayAuthority(folder, clock)

    assert len(trusted(authority)) == 1
    assert authority.issue(GATEWAY, CSR).serial


@pytest.mark.parametrize("damage", ["open", "missing", "broken", "other"])
def test_files_that_cannot_be_trusted_stop_the_start(
    authority: GatewayAuthority, tmp_path: Path, clock: Clock, damage: str
) -> None:
    key_file = tmp_path / "signer" / "authority-1.key"
    match damage:
        case "open":
            key_file.chmod(0o640)
        case "missing":
            key_file.unlink()
        case "broken":
            key_file.write_text("no key")
        case "other":
            GatewayAuthority(tmp_path / "other", clock)
            key_file.write_bytes((tmp_path / "other" / "authority-1.key").read_bytes())

    with pytest.raises(errors.ConfigurationError):
        GatewayAuthority(tmp_path / "signer", clock)


def test_next_generation_is_trusted_before_it_signs(
    authority: GatewayAuthority, tmp_path: Path, clock: Clock
) -> None:
    ends_at = trusted(authority)[0].not_valid_after_utc

    clock.now = ends_at - 181 * DAY
    assert len(trusted(authority)) == 1
    clock.now = ends_at - 179 * DAY
    assert len(trusted(authority)) == 2
    assert issuer_number(authority) == "1"
    clock.now += 6 * DAY
    assert issuer_number(authority) == "1"
    clock.now += 2 * DAY
    assert issuer_number(authority) == "2"
    assert issuer_number(GatewayAuthority(tmp_path / "signer", clock)) == "2"
    clock.now = ends_at + DAY
    assert len(trusted(authority)) == 1
    assert issuer_number(authority) == "2"


def test_certificate_does_not_outlive_its_issuer(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy.signer.authority._AUTHORITY_LIFETIME", 10 * DAY)
    authority = GatewayAuthority(tmp_path / "signer", clock)

    issued = authority.issue(GATEWAY, CSR)

    issuer = certificate_of(issued).issuer
    (certificate,) = [one for one in trusted(authority) if one.subject == issuer]
    assert issued.not_after <= certificate.not_valid_after_utc


def test_every_generation_signs_a_list_of_what_is_revoked(
    authority: GatewayAuthority, clock: Clock
) -> None:
    clock.now = trusted(authority)[0].not_valid_after_utc - 100 * DAY
    serial = authority.issue(GATEWAY, CSR).serial

    text = authority.revocation_list([RevokedSerial(serial, NOW), RevokedSerial(serial, NOW)])

    lists = [
        x509.load_pem_x509_crl(("-----BEGIN X509 CRL-----" + part).encode())
        for part in text.split("-----BEGIN X509 CRL-----")[1:]
    ]
    by_issuer = {one.issuer: one for one in lists}
    assert len(lists) == len(by_issuer) == 2
    for certificate in trusted(authority):
        found = by_issuer[certificate.subject]
        assert found.is_signature_valid(certificate.public_key())
        assert found.next_update_utc is not None
        assert found.next_update_utc > clock.now + 7 * DAY
        assert [f"{one.serial_number:x}" for one in found] == [serial]
        assert [one.revocation_date_utc for one in found] == [NOW]


def test_list_of_nothing_is_a_list(authority: GatewayAuthority) -> None:
    found = x509.load_pem_x509_crl(authority.revocation_list([]).encode())

    assert list(found) == []


def test_credentials_for_tests_are_kept(authority: GatewayAuthority, tmp_path: Path) -> None:
    first = gateway_credentials(authority, GATEWAY, tmp_path)
    before = first.certificate_file.read_bytes()

    assert gateway_credentials(authority, GATEWAY, tmp_path) == first
    assert first.certificate_file.read_bytes() == before
    assert stat.S_IMODE(first.key_file.stat().st_mode) == 0o600
