from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jwt
from joserfc.jwk import ECKey

from ccm_link.care_record import connections
from ccm_link.care_record.access_token import AccessToken
from ccm_link.care_record.fhir_http import Answer
from ccm_link.care_record.port import Failure, NotTaken
from ccm_link.care_record.settings import Connection, SignIn
from firmware_profiles.errors import SettingsError


def written(folder: Path, text: str, *, name: str = "main.toml", mode: int = 0o600) -> Path:
    secret = folder / "secret"
    secret.write_text("7d1f0f8a-drawn-by-chance")
    secret.chmod(mode)
    (folder / name).write_text(text.replace("SECRET", str(secret)))
    return folder


PLAIN = (
    '[ehr]\nbase_url = "https://ehr.example.org/fhir"\nsign_in = "bearer"\nsecret_file = "SECRET"\n'
)


def test_a_folder_without_a_path_has_no_ehr() -> None:
    assert connections.read(Path()) == {}


def test_a_file_is_an_ehr_of_its_name(tmp_path: Path) -> None:
    found = connections.read(written(tmp_path, PLAIN))
    assert set(found) == {"main"}
    assert found["main"].sign_in is SignIn.BEARER


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (PLAIN.replace("https", "http"), "base_url is no https address"),
        (PLAIN.replace("ehr.example", "user:word@ehr.example"), "base_url is no https address"),
        (PLAIN.replace("bearer", "client_secret"), "token_url is not set"),
        (PLAIN.replace("bearer", "private_key"), "key_id is not set"),
        (PLAIN + "tls_verify = false\n", 'unknown key "tls_verify"'),
        ("[ehr]\n", "base_url is missing"),
        ("ehr = 1\n", "expected a table"),
        ("[other]\n", 'unknown section "other"'),
        ("\0", "holds a NUL"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused_by_name(
    tmp_path: Path, text: str, words: str
) -> None:
    with pytest.raises(SettingsError, match=words.replace("[", r"\[")) as refused:
        connections.read(written(tmp_path, text))
    assert all("main.toml" in problem for problem in refused.value.problems)


def test_a_secret_that_others_may_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="open to other users"):
        connections.read(written(tmp_path, PLAIN, mode=0o644))


def test_a_name_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="small letters"):
        connections.read(written(tmp_path, PLAIN, name="Main EHR.toml"))


def test_an_assertion_is_signed_by_our_key_for_the_giver_of_tokens_alone(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    secret = tmp_path / "key.pem"
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    secret.chmod(0o600)
    connection = Connection(
        base_url="https://ehr.example.org/fhir",
        sign_in=SignIn.PRIVATE_KEY,
        secret_file=secret,
        client_id="us",
        token_url="https://ehr.example.org/token",
        key_id="k1",
    )
    asked: list[dict[str, str]] = []

    def give(url: str, fields: dict[str, str], basic: tuple[str, str] | None) -> Answer:
        assert (url, basic) == (connection.token_url, None)
        asked.append(fields)
        return Answer(200, {}, b'{"access_token": "t", "expires_in": 60}')

    now_s = 1_800_000_000.0
    token = AccessToken(connection, give, lambda: now_s)
    assert [token.current(), token.current()] == ["t", "t"]
    (fields,) = asked
    public = ECKey.import_key(
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    read = jwt.decode(fields["client_assertion"], public, ["ES384"])
    assert read.header == {"alg": "ES384", "kid": "k1", "typ": "JWT"}
    assert (read.claims["iss"], read.claims["sub"]) == ("us", "us")
    assert read.claims["aud"] == connection.token_url
    assert read.claims["exp"] - read.claims["iat"] <= 300


@pytest.mark.parametrize(
    "answer",
    [b"{}", b"[]", b'{"access_token": 7}', b'{"access_token": "t", "expires_in": "soon"}'],
)
def test_an_answer_without_a_token_is_no_sign_in(tmp_path: Path, answer: bytes) -> None:
    secret = tmp_path / "secret"
    secret.write_text("7d1f0f8a-drawn-by-chance")
    secret.chmod(0o600)
    connection = Connection(
        base_url="https://ehr.example.org/fhir",
        sign_in=SignIn.CLIENT_SECRET,
        secret_file=secret,
        client_id="us",
        token_url="https://ehr.example.org/token",
    )
    token = AccessToken(connection, lambda *_: Answer(200, {}, answer))
    with pytest.raises(NotTaken) as refused:
        token.current()
    assert refused.value.failure in {Failure.SIGN_IN, Failure.BAD_ANSWER}
