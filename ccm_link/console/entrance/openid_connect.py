"""OpenID Connect for staff: the authorization code flow with PKCE, spoken to a practice's own provider.

The provider is believed only as far as this: it is the configured issuer, character by character; the answer belongs
to the question that this browser asked (state, PKCE, nonce); the ID token is signed with one of the provider's
published keys by one of two algorithms, meant for us alone, fresh, and says that more than a password was asked for.
All else in it is ignored: who a person is here, and what they may do, stands in our own account.

Source: OpenID Connect Core 1.0 (errata set 2), sections 3.1.2 and 3.1.3.7; RFC 7636 (PKCE), RFC 9207 (issuer in the
answer), RFC 9700 (security best current practice), January 2025.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from ccm_link.console import surroundings

ALGORITHMS: Final = ("RS256", "ES256")
_TIMEOUT_S: Final = 5.0
_MOST_BYTES: Final = 256 * 1024
_CLOCK_TOLERANCE_S: Final = 60
_OLDEST_TOKEN_S: Final = 600
# Workstations are shared: what the provider remembers of one person must not let the next one in.
MAX_AGE_S: Final = 300
_KEPT_S: Final = 900.0
_FETCH_AGAIN_S: Final = 60.0  # at the earliest, for a key that we do not know
_CHECKED: Final = frozenset({"iss", "sub", "aud", "exp", "iat", "nbf", "nonce", "auth_time"})
_WELL_KNOWN: Final = "/.well-known/openid-configuration"


class OpenIdError(Exception):
    """The provider's answer cannot be used; ``reason`` is a word of ours for the log and the audit trail."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ProviderUnreachable(OpenIdError):
    """The provider did not answer, or not like one."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """What is used of a provider's description of itself."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    names_itself: bool  # in the address with which the browser comes back (RFC 9207)


@dataclass(frozen=True, slots=True)
class Client:
    """Who we are to a provider; ``secret`` is "" for a public client."""

    client_id: str
    secret: str
    redirect_uri: str


@dataclass(frozen=True, slots=True)
class Question:
    """What one browser was sent away with; it comes back with ``state`` and is compared with the rest."""

    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Who somebody is to a provider: the pair of both is the key, never an e-mail address or a name."""

    issuer: str
    subject: str


class Providers:
    """Descriptions and keys of providers, fetched when they are needed and kept for a while."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._metadata: dict[str, tuple[float, Metadata]] = {}
        self._keys: dict[str, tuple[float, KeySet]] = {}

    def metadata(self, issuer: str) -> Metadata:
        """Return a provider's description.

        Raises:
            OpenIdError: it cannot be had or must not be used.
        """
        with self._lock:
            kept = self._metadata.get(issuer)
        if kept is not None and self._clock_s() < kept[0] + _KEPT_S:
            return kept[1]
        found = read_metadata(issuer, _get_json(issuer.removesuffix("/") + _WELL_KNOWN))
        with self._lock:
            self._metadata[issuer] = (self._clock_s(), found)
        return found

    def keys(self, metadata: Metadata, *, again: bool = False) -> KeySet:
        """Return a provider's keys; ``again`` fetches them anew, once a minute at most.

        Raises:
            OpenIdError: they cannot be had.
        """
        with self._lock:
            kept = self._keys.get(metadata.issuer)
        lasts_s = _FETCH_AGAIN_S if again else _KEPT_S
        if kept is not None and self._clock_s() < kept[0] + lasts_s:
            return kept[1]
        found = _read_keys(_get_json(metadata.jwks_uri))
        with self._lock:
            self._keys[metadata.issuer] = (self._clock_s(), found)
        return found


def read_metadata(issuer: str, document: Mapping[str, Any]) -> Metadata:
    """Check a provider's description of itself.

    Raises:
        OpenIdError: it describes another issuer, lacks something, or leads over a network in the clear.
    """
    if document.get("issuer") != issuer:
        raise ProviderUnreachable("issuer_differs")
    endpoints = [
        document.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")
    ]
    if not all(isinstance(one, str) and is_safe(one) for one in (issuer, *endpoints)):
        raise ProviderUnreachable("unsafe_endpoint")
    methods = document.get("code_challenge_methods_supported")
    if methods is not None and "S256" not in methods:
        raise ProviderUnreachable("no_pkce")
    authorization_endpoint, token_endpoint, jwks_uri = (str(one) for one in endpoints)
    return Metadata(
        issuer,
        authorization_endpoint,
        token_endpoint,
        jwks_uri,
        names_itself=document.get("authorization_response_iss_parameter_supported") is True,
    )


def is_safe(address: str) -> bool:
    """Say whether an address is https, or http to this machine."""
    parts = urlsplit(address)
    if not parts.hostname or parts.username is not None or parts.fragment:
        return False
    return parts.scheme == "https" or (
        parts.scheme == "http" and surroundings.is_loopback(parts.hostname)
    )


def ask() -> Question:
    """Draw what makes one question unlike all others."""
    return Question(*(secrets.token_urlsafe(32) for _ in range(3)))


def address_of(metadata: Metadata, client: Client, question: Question) -> str:
    """Return the address at the provider to which the browser goes."""
    challenge = hashlib.sha256(question.verifier.encode()).digest()
    asked = {
        "response_type": "code",
        "response_mode": "query",
        "client_id": client.client_id,
        "redirect_uri": client.redirect_uri,
        "scope": "openid",
        "state": question.state,
        "nonce": question.nonce,
        "code_challenge": base64.urlsafe_b64encode(challenge).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
        "max_age": str(MAX_AGE_S),
    }
    separator = "&" if urlsplit(metadata.authorization_endpoint).query else "?"
    return metadata.authorization_endpoint + separator + urlencode(asked)


def code_of(metadata: Metadata, question: Question, answer: Mapping[str, str]) -> str:
    """Return the code with which the browser came back.

    Raises:
        OpenIdError: the answer is to another question, of another provider, or a refusal.
    """
    if not hmac.compare_digest(answer.get("state", "").encode(), question.state.encode()):
        raise OpenIdError("state")
    named = answer.get("iss")
    if (named is None and metadata.names_itself) or named not in {None, metadata.issuer}:
        raise OpenIdError("issuer_differs")
    if "error" in answer:
        raise OpenIdError("provider_refused")
    if not answer.get("code"):
        raise OpenIdError("no_code")
    return answer["code"]


def redeem(metadata: Metadata, client: Client, question: Question, code: str) -> str:
    """Exchange a code for an ID token.

    Raises:
        OpenIdError: the provider refuses the code, or cannot be reached.
    """
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": client.redirect_uri,
        "client_id": client.client_id,
        "code_verifier": question.verifier,
    }
    authorization = ""
    if client.secret:
        # Source: RFC 6749, section 2.3.1: both are form-encoded before they are joined.
        pair = f"{quote(client.client_id, safe='')}:{quote(client.secret, safe='')}"
        authorization = "Basic " + base64.b64encode(pair.encode()).decode()
    found = _json("POST", metadata.token_endpoint, form=form, authorization=authorization)
    token = found.get("id_token")
    if not isinstance(token, str):
        raise OpenIdError("no_id_token")
    return token


def identity_in(
    token: str,
    keys: Callable[[bool], KeySet],
    *,
    issuer: str,
    client_id: str,
    nonce: str,
    second_factors: tuple[str, ...],
    now: datetime,
) -> Identity:
    """Check an ID token and return whom it names.

    Args:
        token: As the provider's token endpoint gave it.
        keys: Returns the provider's keys; with True, fetched anew.
        issuer: The configured one.
        client_id: Ours.
        nonce: Of the question.
        second_factors: Values of ``amr`` or ``acr`` of which one has to be there.
        now: Aware UTC.

    Raises:
        OpenIdError: anything about it is wrong.
    """
    claims = _signed(token, keys)
    now_s = int(now.timestamp())
    registry = jwt.JWTClaimsRegistry(
        now=now_s,
        leeway=_CLOCK_TOLERANCE_S,
        iss={"essential": True, "value": issuer},
        sub={"essential": True},
        aud={"essential": True, "value": client_id},
        exp={"essential": True},
        iat={"essential": True},
        nonce={"essential": True, "value": nonce},
        auth_time={"essential": True},
    )
    try:
        registry.validate(claims)
    except JoseError as error:
        raise OpenIdError(_reason(error)) from None
    _check_more(claims, client_id, now_s)
    if not _factors(claims) & set(second_factors):
        raise OpenIdError("no_second_factor")
    return Identity(issuer, claims["sub"])


def _signed(token: str, keys: Callable[[bool], KeySet]) -> dict[str, Any]:
    """Return the claims of a token that one of the provider's keys signed."""
    for again in (False, True):
        try:
            return jwt.decode(token, keys(again), algorithms=list(ALGORITHMS)).claims
        except InvalidKeyIdError:
            if again:
                raise OpenIdError("unknown_key") from None
        except (JoseError, ValueError, TypeError, KeyError):
            raise OpenIdError("signature") from None
    raise OpenIdError("unknown_key")


def _check_more(claims: Mapping[str, Any], client_id: str, now_s: int) -> None:
    """Check what the registry leaves open."""
    # Other audiences could use the token against us.
    if claims["aud"] not in (client_id, [client_id]):
        raise OpenIdError("audience")
    if claims.get("azp", client_id) != client_id:
        raise OpenIdError("authorized_party")
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= 255:
        raise OpenIdError("subject")
    for name, oldest_s in (("iat", _OLDEST_TOKEN_S), ("auth_time", MAX_AGE_S)):
        at_s = claims[name]
        if isinstance(at_s, bool) or not isinstance(at_s, int | float):
            raise OpenIdError(name)
        if not now_s - oldest_s - _CLOCK_TOLERANCE_S <= at_s <= now_s + _CLOCK_TOLERANCE_S:
            raise OpenIdError(name)


def _factors(claims: Mapping[str, Any]) -> set[str]:
    amr = claims.get("amr")
    factors = {one for one in amr if isinstance(one, str)} if isinstance(amr, list) else set()
    acr = claims.get("acr")
    return factors | ({acr} if isinstance(acr, str) else set())


def _reason(error: JoseError) -> str:
    claim = str(getattr(error, "claim", ""))
    return claim if claim in _CHECKED else "claims"


def _read_keys(document: Mapping[str, Any]) -> KeySet:
    """Return the keys that may have signed: of our two algorithms' types, not meant for encryption."""
    offered = document.get("keys")
    usable = [
        key
        for key in (offered if isinstance(offered, list) else [])
        if isinstance(key, dict) and key.get("kty") in {"RSA", "EC"} and key.get("use") != "enc"
    ]
    try:
        return KeySet.import_key_set({"keys": usable})
    except (JoseError, ValueError, TypeError, KeyError):
        raise ProviderUnreachable("keys") from None


def _get_json(address: str) -> Mapping[str, Any]:
    return _json("GET", address)


def _json(
    method: str,
    address: str,
    *,
    form: Mapping[str, str] | None = None,
    authorization: str = "",
) -> Mapping[str, Any]:
    """Send a request and return the JSON object that comes back; no redirects, bounded in time and size."""
    headers = {"Accept": "application/json"}
    if authorization:
        headers["Authorization"] = authorization
    if not is_safe(address):
        raise ProviderUnreachable("unsafe_endpoint")
    content = bytearray()
    try:
        with (
            httpx.Client(timeout=_TIMEOUT_S, follow_redirects=False) as client,
            client.stream(method, address, headers=headers, data=form) as answer,
        ):
            for chunk in answer.iter_bytes():
                content += chunk
                if len(content) > _MOST_BYTES:
                    raise ProviderUnreachable("too_large")
            status = answer.status_code
    except httpx.HTTPError:
        raise ProviderUnreachable("unreachable") from None
    if status in {400, 401}:
        raise OpenIdError("code_refused")
    if status != 200:
        raise ProviderUnreachable("unexpected_status")
    try:
        found = json.loads(content)
    except ValueError:
        raise ProviderUnreachable("no_json") from None
    if not isinstance(found, dict):
        raise ProviderUnreachable("no_json")
    return found
