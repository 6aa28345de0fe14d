"""OpenID providers for tests: a real one (idpyoidc), and one that says whatever a test wants it to say."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import secrets
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from idpyoidc.server import Server
from idpyoidc.server.configure import OPConfiguration
from idpyoidc.server.oauth2.add_on import pkce
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

CLIENT_ID, CLIENT_SECRET = "homevitals", "a-secret-of-the-tests-7Vn0aQ"
MFA = "urn:example:more-than-a-password"

Answer = tuple[int, dict[str, str], bytes]


@contextlib.contextmanager
def _serving(
    answer: Callable[[str, str, dict[str, str], str, dict[str, str]], Answer],
) -> Iterator[str]:
    """Serve until the block ends. ``answer`` gets method, path, query, body and headers (in small letters)."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
            headers = {name.lower(): text for name, text in self.headers.items()}
            status, given, content = answer(
                self.command, parts.path, dict(parse_qsl(parts.query)), body, headers
            )
            self.send_response(status)
            for name, text in given.items():
                self.send_header(name, text)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _answer  # noqa: N815 - the names that the standard library looks for

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join(10)


@dataclass
class RealProvider:
    """A certified implementation's provider. Everybody who comes is the person ``uid``."""

    uid: str
    folder: Path
    issuer: str = ""
    acr: str = MFA
    server: Any = None

    def begin(self, redirect_uri: str, algorithm: str = "RS256") -> None:
        """Set the provider up for one client."""
        # It writes keys below the folder that it is given.
        configuration = OPConfiguration(self._configuration(), base_path=str(self.folder))
        self.server = Server(configuration, cwd=str(self.folder))
        self.server.context.cdb[CLIENT_ID] = {
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "redirect_uris": [(redirect_uri, {})],
            "response_types_supported": ["code"],
            "token_endpoint_auth_method": "client_secret_basic",
            "allowed_scopes": ["openid"],
            "id_token_signed_response_alg": algorithm,
        }

    def answer(
        self, method: str, path: str, query: dict[str, str], body: str, headers: dict[str, str]
    ) -> Answer:
        if path == "/jwks.json":
            keys = self.server.context.keyjar.export_jwks(private=False)
            return 200, {"Content-Type": "application/json"}, json.dumps(keys).encode()
        endpoints = {
            "/.well-known/openid-configuration": "provider_config",
            "/authorization": "authorization",
            "/token": "token",
        }
        if path not in endpoints:
            return 404, {}, b""
        endpoint = self.server.get_endpoint(endpoints[path])
        http = {"headers": headers, "method": method, "url": self.issuer + path}
        asked = endpoint.parse_request(dict(parse_qsl(body)) or query, http_info=http)
        if "error" in asked:
            return 400, {}, asked.to_json().encode()
        processed = endpoint.process_request(asked, http_info=http)
        told = endpoint.do_response(request=asked, **processed)
        if path == "/authorization":
            return 302, {"Location": told["response"]}, b""
        status = 400 if "error" in told["response"][:12] else 200
        return status, {"Content-Type": "application/json"}, told["response"].encode()

    def _configuration(self) -> dict[str, Any]:
        def sealed() -> dict[str, Any]:
            return {"kwargs": {"password": secrets.token_hex(16), "salt": secrets.token_hex(8)}}

        return {
            "issuer": self.issuer,
            "httpc_params": {"verify": False, "timeout": 1},
            "key_conf": {
                "key_defs": [
                    {"type": "RSA", "key": "", "use": ["sig"]},
                    {"type": "EC", "crv": "P-256", "use": ["sig"]},
                ],
                "uri_path": "jwks.json",
            },
            "preference": {"subject_types_supported": ["public"]},
            "token_handler_args": {
                "jwks_def": {
                    "key_defs": [{"type": "oct", "bytes": 24, "use": ["enc"], "kid": "code"}]
                },
                "code": {"lifetime": 60, "kwargs": {"crypt_conf": sealed()}},
                "token": {
                    "class": "idpyoidc.server.token.jwt_token.JWTToken",
                    "kwargs": {"lifetime": 600},
                },
                "id_token": {"class": "idpyoidc.server.token.id_token.IDToken", "kwargs": {}},
            },
            "session_params": {"encrypter": sealed()},
            "authz": {
                "class": "idpyoidc.server.authz.AuthzHandling",
                "kwargs": {
                    "grant_config": {
                        "usage_rules": {
                            "authorization_code": {
                                "supports_minting": ["access_token", "id_token"],
                                "max_usage": 1,
                                "expires_in": 60,
                            },
                            "access_token": {},
                        },
                        "expires_in": 3600,
                    }
                },
            },
            "endpoint": {
                "provider_config": {
                    "path": ".well-known/openid-configuration",
                    "class": "idpyoidc.server.oidc.provider_config.ProviderConfiguration",
                    "kwargs": {},
                },
                "authorization": {
                    "path": "authorization",
                    "class": "idpyoidc.server.oidc.authorization.Authorization",
                    "kwargs": {},
                },
                "token": {
                    "path": "token",
                    "class": "idpyoidc.server.oidc.token.Token",
                    "kwargs": {"client_authn_method": ["client_secret_basic"]},
                },
            },
            "userinfo": {
                "class": "idpyoidc.server.user_info.UserInfo",
                "kwargs": {"db": {self.uid: {}}},
            },
            "authentication": {
                "anybody": {
                    "acr": self.acr,
                    "class": "idpyoidc.server.user_authn.user.NoAuthn",
                    "kwargs": {"user": self.uid},
                }
            },
            "add_on": {
                "pkce": {
                    "function": "idpyoidc.server.oauth2.add_on.pkce.add_support",
                    "kwargs": {
                        "essential": True,
                        "code_challenge_methods": {"S256": pkce.CC_METHOD["S256"]},
                    },
                }
            },
        }


@contextlib.contextmanager
def real(uid: str = "diana", acr: str = MFA) -> Iterator[RealProvider]:
    """Serve a real provider; call ``begin`` before anybody goes there."""
    with tempfile.TemporaryDirectory() as folder:
        provider = RealProvider(uid, Path(folder), acr=acr)
        with _serving(provider.answer) as provider.issuer:
            yield provider


@dataclass
class HostileProvider:
    """A provider that lies on demand.

    Attributes:
        claims: Laid over the claims of the ID token; None takes one away.
        header: Laid over the token's header.
        key: What signs; ``published`` is what its key document says.
        forge: Makes the token instead, from header and claims.
        metadata: Laid over the description of itself.
        back: Laid over what the browser comes back with.
        token_answer: The token endpoint's whole answer instead.
    """

    issuer: str = ""
    key: Any = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}))
    published: list[Any] = field(default_factory=list)
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    forge: Callable[[dict[str, Any], dict[str, Any]], str] | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    back: dict[str, Any] = field(default_factory=dict)
    token_answer: Answer | None = None
    asked: dict[str, str] = field(default_factory=dict)
    redeemed: list[dict[str, str]] = field(default_factory=list)

    def answer(
        self, _method: str, path: str, query: dict[str, str], body: str, headers: dict[str, str]
    ) -> Answer:
        if path == "/.well-known/openid-configuration":
            return _json(
                {
                    "issuer": self.issuer,
                    "authorization_endpoint": f"{self.issuer}/authorize",
                    "token_endpoint": f"{self.issuer}/token",
                    "jwks_uri": f"{self.issuer}/keys",
                    "authorization_response_iss_parameter_supported": True,
                    "code_challenge_methods_supported": ["S256"],
                }
                | self.metadata
            )
        if path == "/keys":
            return _json(
                {"keys": [key.as_dict(private=False) for key in self.published or [self.key]]}
            )
        if path == "/authorize":
            self.asked = query
            back = {"code": "the code", "state": query["state"], "iss": self.issuer} | self.back
            found = urlencode({name: text for name, text in back.items() if text is not None})
            return 302, {"Location": f"{query['redirect_uri']}?{found}"}, b""
        if path == "/token":
            self.redeemed.append(
                dict(parse_qsl(body)) | {"authorization": headers.get("authorization", "")}
            )
            return self.token_answer or _json({"id_token": self._token(), "token_type": "Bearer"})
        return 404, {}, b""

    def _token(self) -> str:
        now_s = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "sub": "somebody",
            "aud": CLIENT_ID,
            "iat": now_s,
            "exp": now_s + 300,
            "auth_time": now_s,
            "nonce": self.asked["nonce"],
            "amr": ["pwd", "otp"],
        } | self.claims
        claims = {name: one for name, one in claims.items() if one is not None}
        header = {"alg": "RS256", "kid": "one"} | self.header
        if self.forge is not None:
            return self.forge(header, claims)
        header = {name: one for name, one in header.items() if one is not None}
        return jwt.encode(header, claims, self.key, algorithms=[header["alg"]])


@contextlib.contextmanager
def hostile() -> Iterator[HostileProvider]:
    """Serve a provider that lies on demand, and tells the truth until then."""
    provider = HostileProvider()
    with _serving(provider.answer) as provider.issuer:
        yield provider


def unsigned(header: dict[str, Any], claims: dict[str, Any]) -> str:
    """Return a token with “alg” none and an empty signature."""
    return f"{_part(header | {'alg': 'none'})}.{_part(claims)}."


def signed_by_public_key(key: Any) -> Callable[[dict[str, Any], dict[str, Any]], str]:
    """Return what signs with HMAC and the provider's public key, which everybody has."""
    public: bytes = key.as_pem(private=False)

    def forge(header: dict[str, Any], claims: dict[str, Any]) -> str:
        signed = f"{_part(header | {'alg': 'HS256'})}.{_part(claims)}"
        mac = hmac.digest(public, signed.encode(), "sha256")
        return f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"

    return forge


def another_key(kid: str = "one") -> Any:
    """Return a key that the provider never published, under the name of one that it did."""
    return RSAKey.generate_key(2048, {"kid": kid})


def elliptic_key(kid: str = "one") -> Any:
    """Return a key for ES256."""
    return ECKey.generate_key("P-256", {"kid": kid})


def challenge_of(verifier: str) -> str:
    """Return the PKCE challenge of a verifier."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _json(found: Any) -> Answer:
    return 200, {"Content-Type": "application/json"}, json.dumps(found).encode()


def _part(found: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(found).encode()).rstrip(b"=").decode()
