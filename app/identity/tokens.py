"""Who is calling: user tokens are JWTs, checked against the public keys of their issuer."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import jwt

from app.identity.issuer import Identity
from app.identity.keys import ALGORITHMS, KeySet
from core.clock import Clock
from core.errors import Refused
from core.ids import OwnerId
from core.text import PROBLEM, is_storable

log = logging.getLogger(__name__)

LEEWAY_S = 5  # clocks of two machines; as much as Convex grants
LAST_MOMENT_S = 2**53  # beyond it JSON numbers are no whole seconds any more
SUBJECT_LIMIT_CHARS = 256


class Unauthorized(Refused):
    """No token, or one that does not hold; the text never says what was wrong with it."""

    code = "unauthorized"

    def __init__(self) -> None:
        super().__init__("Unauthorized")


class ForeignPage(Refused):
    """There is a session cookie, and no sign that a page of ours sent it."""

    code = "foreign_origin"

    def __init__(self) -> None:
        super().__init__(
            "A session cookie counts only with an Origin of this API or of POLARIS_CORS_ORIGINS; "
            "other clients send `Authorization: Bearer …`"
        )


class SubjectNotStorable(Refused):
    """The token holds, for a subject that no database of ours can hold."""

    code = "invalid_request"
    field = "sub"

    def __init__(self) -> None:
        super().__init__(f"The subject (sub) of the token {PROBLEM}")


@dataclass(frozen=True)
class Caller:
    """A person whose token held."""

    owner: OwnerId


class Authenticator:
    """Judges tokens of one issuer."""

    def __init__(self, *, issuer: str, audience: str | None, keys: KeySet) -> None:
        self._issuer = issuer
        self._audience = audience
        self._keys = keys

    @classmethod
    def of(cls, identity: Identity, clock: Clock) -> Self:
        """Who judges the tokens of this identity's issuer."""
        keys = KeySet(identity.jwks_url, clock)
        return cls(issuer=identity.issuer, audience=identity.audience, keys=keys)

    async def caller(self, authorization: str | None) -> Caller:
        """Who an `Authorization` header speaks for.

        Signature, issuer, audience (when one is set) and times are checked; `exp` and `sub` must
        be there.

        Raises:
            Unauthorized: there is no token, or it does not hold.
            SubjectNotStorable: it holds, for a subject that no database of ours can hold.
            KeysUnavailable: nobody can tell.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthorized
        return _caller_of(await self._claims(token, audience=self._audience))

    async def caller_in_a_browser(self, token: str, *, is_ours: Callable[[str], bool]) -> Caller:
        """Who the token of a session cookie speaks for.

        Clerk's has no audience: `azp` is the origin for which it was made, and `is_ours` tells
        whether that is one of ours. One with an audience is judged as that of a header.

        Raises: as `caller`.
        """
        claims = await self._claims(token, audience=None)
        if "aud" in claims:
            claims = await self._claims(token, audience=self._audience)
        elif not (is_ours(str(claims["azp"])) if "azp" in claims else self._audience is None):
            raise Unauthorized
        if (
            claims.get("sts", "active") != "active"
        ):  # Clerk: something is left to do to be signed in
            raise Unauthorized
        return _caller_of(claims)

    async def _claims(self, token: str, *, audience: str | None) -> Mapping[str, Any]:
        try:
            key = await self._keys.key(jwt.get_unverified_header(token).get("kid"))
            if key is None:
                raise Unauthorized
            claims = jwt.decode(
                token,
                key,
                algorithms=list(ALGORITHMS),
                issuer=self._issuer,
                audience=audience,
                leeway=LEEWAY_S,
                options={
                    "require": ["exp", "sub", "iss"],
                    "verify_aud": audience is not None,
                },
            )
            _check_times(claims)
        except (jwt.PyJWTError, ValueError, OverflowError) as problem:
            log.info("token_refused", extra={"reason": type(problem).__name__})
            raise Unauthorized from None  # the reason stays here: it helps whoever forges
        return claims


def _caller_of(claims: Mapping[str, Any]) -> Caller:
    subject = str(claims["sub"])  # PyJWT has checked that it is a text
    if not 0 < len(subject) <= SUBJECT_LIMIT_CHARS:
        raise Unauthorized
    if not is_storable(subject):
        raise SubjectNotStorable
    return Caller(OwnerId(subject))


def _check_times(claims: Mapping[str, object]) -> None:
    """PyJWT takes all that `int` takes, "9999999999" and true as well; Convex takes numbers.

    Raises:
        InvalidTokenError: a time is no number of seconds.
    """
    for name in ("exp", "iat", "nbf"):
        moment = claims.get(name, 0)
        if isinstance(moment, bool) or not isinstance(moment, int | float):
            raise jwt.InvalidTokenError(name)
        if not abs(moment) <= LAST_MOMENT_S:  # so that it is true for NaN as well
            raise jwt.InvalidTokenError(name)
