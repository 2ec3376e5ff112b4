"""The public keys of an issuer: fetched, kept, and fetched again when they rotate."""

import asyncio
import base64
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_to_bytes

import aiohttp
import jwt
from pydantic import BaseModel

from core.clock import Clock
from core.errors import Transient

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
