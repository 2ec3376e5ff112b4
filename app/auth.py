"""Who is calling: user tokens are JWTs, checked against the public keys of their issuer."""

import asyncio
import base64
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import unquote_to_bytes

import aiohttp
import jwt
from pydantic import BaseModel

from app.errors import InvalidRequest, Unauthorized
from app.identity import Identity
from core.clock import Clock
from core.errors import Transient
from core.ids import OwnerId
from core.text import PROBLEM, is_storable

log = logging.getLogger(__name__)

ALGORITHMS = (
    "RS256",
    "ES256",
    "EdDSA",
)  # never HS256: no shared secrets
KEYS_FRESH_S = 600.0  # a withdrawn key is taken this much longer
REFETCH_S = 10.0  # unknown key ids ask the issuer this often at most
FETCH_S = 5.0
KEYS_LIMIT_BYTES = 256 * 1024
LEEWAY_S = 5  # clocks of two machines; as much as Convex grants
LAST_MOMENT_S = 2**53  # beyond it JSON numbers are no whole seconds any more
SUBJECT_LIMIT_CHARS = 256


@dataclass(frozen=True)
class Caller:
    """A person whose token held."""

    owner: OwnerId


class _Jwks(BaseModel):
    keys: list[dict[str, Any]]


class KeysUnavailable(Transient):
    """The issuer's keys cannot be had now, so no token can be judged."""

    code = "auth_unavailable"


@dataclass
class KeySet:
    """The public keys of an issuer, from an http(s) or `data:` URL; fetched when first needed.

    A key id that is not known asks the issuer again, at most every `REFETCH_S`: keys rotate. When
    the issuer does not answer, the keys that it gave before go on being used.
    """

    url: str
    clock: Clock
    _keys: Mapping[str, jwt.PyJWK] = field(default_factory=dict[str, jwt.PyJWK])
    _fetched_at_s: float | None = None
    _tried_at_s: float | None = None
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def key(self, key_id: str | None) -> jwt.PyJWK | None:
        """The key of that id; without an id the only key there is; else None.

        Raises:
            KeysUnavailable: no keys were ever had, and the issuer does not answer.
        """
        if self._is_stale() or self._pick(key_id) is None:
            async with self._lock:
                if self._is_stale() or self._pick(key_id) is None:
                    await self._refresh()
        return self._pick(key_id)

    def _pick(self, key_id: str | None) -> jwt.PyJWK | None:
        if key_id is None:
            return next(iter(self._keys.values())) if len(self._keys) == 1 else None
        return self._keys.get(key_id)

    def _is_stale(self) -> bool:
        fetched = self._fetched_at_s
        return fetched is None or self.clock.monotonic() - fetched > KEYS_FRESH_S

    async def _refresh(self) -> None:
        now_s = self.clock.monotonic()
        if self._tried_at_s is not None and now_s - self._tried_at_s < REFETCH_S:
            if self._fetched_at_s is None:
                raise KeysUnavailable(
                    "the issuer's keys could not be fetched", retry_after_s=REFETCH_S
                )
            return
        self._tried_at_s = now_s
        try:
            self._keys = parse_keys(await self._read())
        except (aiohttp.ClientError, TimeoutError, ValueError, jwt.PyJWTError) as problem:
            log.warning("auth_keys_not_fetched", extra={"reason": type(problem).__name__})
            if self._fetched_at_s is None:
                raise KeysUnavailable(
                    "the issuer's keys could not be fetched", retry_after_s=REFETCH_S
                ) from problem
            return
        self._fetched_at_s = now_s

    async def _read(self) -> bytes:
        if self.url.startswith("data:"):
            head, _, payload = self.url.partition(",")
            raw = unquote_to_bytes(payload)
            return base64.b64decode(raw) if head.endswith(";base64") else raw
        timeout = aiohttp.ClientTimeout(total=FETCH_S)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(self.url, raise_for_status=True) as response,
        ):
            body = await response.content.read(KEYS_LIMIT_BYTES + 1)
        if len(body) > KEYS_LIMIT_BYTES:
            raise ValueError("the key set is too large")
        return body


def parse_keys(document: bytes) -> Mapping[str, jwt.PyJWK]:
    """Keys by id from a JWKS document; keys of kinds that we do not take are left out.

    Raises:
        ValueError: it is not a JWKS.
    """
    try:
        keys = jwt.PyJWKSet.from_dict(_Jwks.model_validate_json(document).model_dump()).keys
    except jwt.PyJWKSetError as problem:
        raise ValueError("no usable key in the set") from problem
    return {str(key.key_id or ""): key for key in keys if key.algorithm_name in ALGORITHMS}


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
            InvalidRequest: it holds, for a subject that no database of ours can hold.
            KeysUnavailable: nobody can tell.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthorized
        try:
            key = await self._keys.key(jwt.get_unverified_header(token).get("kid"))
            if key is None:
                raise Unauthorized
            claims = jwt.decode(
                token,
                key,
                algorithms=list(ALGORITHMS),
                issuer=self._issuer,
                audience=self._audience,
                leeway=LEEWAY_S,
                options={
                    "require": ["exp", "sub", "iss"],
                    "verify_aud": self._audience is not None,
                },
            )
            _check_times(claims)
        except (jwt.PyJWTError, ValueError, OverflowError) as problem:
            log.info("token_refused", extra={"reason": type(problem).__name__})
            raise Unauthorized from None  # the reason stays here: it helps whoever forges
        subject = str(claims["sub"])  # PyJWT has checked that it is a text
        if not 0 < len(subject) <= SUBJECT_LIMIT_CHARS:
            raise Unauthorized
        if not is_storable(subject):
            raise InvalidRequest(f"The subject (sub) of the token {PROBLEM}", field="sub")
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
