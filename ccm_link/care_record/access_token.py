"""What we show an EHR to say who we are: a token that never changes, or one that is asked for and kept while it lasts.

Source: RFC 6749, section 4.4 (client credentials); RFC 7523, section 2.2 (assertions); SMART App Launch 2.2.0, client
authentication with an asymmetric key and backend services.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final
from uuid import uuid4

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from ccm_link.care_record import fhir_http
from ccm_link.care_record.fhir_http import Answer
from ccm_link.care_record.port import Failure, NotTaken
from ccm_link.care_record.settings import Algorithm, Connection, SignIn
from firmware_profiles import secret_file
from firmware_profiles.errors import SettingsError

# An assertion lives for five minutes at most. Source: SMART App Launch 2.2.0, “Request”, exp.
_ASSERTION_S: Final = 240
_AHEAD_S: Final = 30.0  # a token is not used in its last seconds, nor kept longer than an hour
_LONGEST_S: Final = 3600.0
_ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class AccessToken:
    """The token for one EHR."""

    def __init__(
        self,
        connection: Connection,
        post: Callable[[str, dict[str, str], tuple[str, str] | None], Answer],
        clock_s: Callable[[], float] = time.time,
    ) -> None:
        self._connection, self._post, self._clock_s = connection, post, clock_s
        self._kept, self._until_s = "", 0.0

    def current(self) -> str:
        """Return a token that is good now.

        Raises:
            NotTaken: There is none.
        """
        if self._connection.sign_in is SignIn.BEARER:
            return self._secret()
        if self._clock_s() >= self._until_s:
            self._ask()
        return self._kept

    def forget(self) -> None:
        """Ask anew: the EHR did not take it."""
        self._until_s = 0.0

    def _ask(self) -> None:
        asked = {"grant_type": "client_credentials", "scope": self._connection.scope}
        basic = None
        if self._connection.sign_in is SignIn.CLIENT_SECRET:
            basic = (self._connection.client_id, self._secret())
        else:
            asked |= {
                "client_assertion_type": _ASSERTION_TYPE,
                "client_assertion": self._assertion(),
            }
        answer = self._post(self._connection.token_url, asked, basic)
        if answer.status != 200:
            raise fhir_http.not_taken(answer, otherwise=Failure.SIGN_IN)
        given = answer.json()
        token, lasts_s = given.get("access_token"), given.get("expires_in", 300)
        if not isinstance(token, str) or not token or not isinstance(lasts_s, int | float):
            raise NotTaken(Failure.SIGN_IN)
        self._kept = token
        self._until_s = self._clock_s() + max(0.0, min(float(lasts_s), _LONGEST_S) - _AHEAD_S)

    def _assertion(self) -> str:
        now = int(self._clock_s())
        claims = {
            "iss": self._connection.client_id,
            "sub": self._connection.client_id,
            "aud": self._connection.token_url,
            "jti": str(uuid4()),
            "iat": now,
            "exp": now + _ASSERTION_S,
        }
        algorithm = self._connection.algorithm
        header = {"alg": algorithm.value, "kid": self._connection.key_id, "typ": "JWT"}
        kind = ECKey if algorithm is Algorithm.ES384 else RSAKey
        try:
            return jwt.encode(header, claims, kind.import_key(self._secret()), [algorithm.value])
        except (JoseError, ValueError, TypeError):
            raise NotTaken(Failure.SETTINGS) from None

    def _secret(self) -> str:
        try:
            return secret_file.read(self._connection.secret_file)
        except SettingsError:
            raise NotTaken(Failure.SETTINGS) from None
