"""Accounts that people have connected through the operator's GitHub app: kept sealed, renewed."""

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from pydantic import BaseModel, SecretStr, ValidationError

from core.clock import Clock
from core.ids import OwnerId, new_id
from engine import Encryption, KeyMissing
from engine.storage.encryption import Tampered, sealed_under
from jobs.github.login import GithubLogin, Tokens
from jobs.github.problems import (
    GithubAway,
    LoginNotSetUp,
    LoginRefused,
    TokenRefused,
    TokenUnreadable,
)
from store.gateway import Store
from store.records import GithubAccount

T = TypeVar("T")
log = logging.getLogger(__name__)

RENEW_BEFORE = timedelta(minutes=10)  # a step that begins now may push for so long
LEASE_S = 60.0  # more than asking GitHub (10 s) and writing the answer (30 s) take together
ASK_AGAIN_S = 0.1
RENEWED_S = 90.0  # a lease that ran out, and the next one


class _Kept(BaseModel):
    """What is sealed."""

    access: str
    refresh: str | None = None


@dataclass(frozen=True)
class ConnectedAccounts:
    """The adapter for the operator's own app.

    Tokens are sealed under the first key, bound to their person, and kept in the store; all keys
    open them, and what another than the first has sealed is sealed anew when it is used.
    """

    store: Store
    sealing: Encryption
    login: GithubLogin
    clock: Clock

    async def connect(self, owner: OwnerId, login: str, tokens: Tokens) -> None:
        """Keep the tokens of a person's account, in place of the one before."""
        sealed = self._sealed(owner, tokens)
        account = GithubAccount(login, sealed, tokens.expires_at)
        await self.store.github_accounts.connect(owner, account)
        log.info("github_connected", extra={"login": login})

    async def disconnect(self, owner: OwnerId) -> bool:
        """Remove what is kept, and end the token at GitHub; whether GitHub has done its part."""
        row = await self.store.github_accounts.get(owner)
        await self.store.github_accounts.disconnect(owner)
        if row is None:
            return False
        try:
            kept = self._opened(owner, row)
        except TokenUnreadable:
            return False
        return await self._revoked(SecretStr(kept.access))

    async def token(self, owner: OwnerId) -> SecretStr | None:
        """The person's token, renewed if it is about to expire.

        Raises: TokenRefused, TokenUnreadable, GithubAway.
        """
        try:
            async with asyncio.timeout(RENEWED_S):
                while True:
                    row = await self.store.github_accounts.get(owner)
                    if row is None:
                        return None
                    token = await self._token_of(owner, row)
                    if token is not None:
                        return token
                    await asyncio.sleep(ASK_AGAIN_S)  # somebody else renews it
        except TimeoutError:
            raise GithubAway("no new token of the account came in time") from None

    async def refused(self, owner: OwnerId, token: SecretStr) -> None:
        """Mark the account, if it still has this token."""
        row = await self.store.github_accounts.get(owner)
        if row is None:
            return
        try:
            kept = self._opened(owner, row)
        except TokenUnreadable:
            return
        if kept.access == token.get_secret_value():
            await self.store.github_accounts.refuse(owner, row.sealed)
            log.info("github_token_refused", extra={"login": row.login})

    async def _token_of(self, owner: OwnerId, row: GithubAccount) -> SecretStr | None:
        """The token of this row; None where it is to be read again, as somebody changes it."""
        if row.is_refused:
            raise TokenRefused
        kept = self._opened(owner, row)
        access = SecretStr(kept.access)
        left = timedelta.max if row.expires_at is None else row.expires_at - self.clock.now()
        if left > RENEW_BEFORE:
            await self._sealed_anew(owner, row, kept)
            return access
        if kept.refresh is None:
            if left > timedelta():
                return access
            await self.store.github_accounts.refuse(owner, row.sealed)
            raise TokenRefused
        holder = new_id("renewal")
        answer = await self.store.github_accounts.lease(
            owner, row.sealed, holder=holder, for_s=LEASE_S
        )
        if answer != "taken":
            return None
        try:
            return await unbroken(self._renewed(owner, row, SecretStr(kept.refresh), holder))
        except (GithubAway, LoginNotSetUp, LoginRefused):
            if left > timedelta():
                return access
            raise

    async def _renewed(
        self, owner: OwnerId, row: GithubAccount, refresh: SecretStr, holder: str
    ) -> SecretStr | None:
        """New tokens in place of the old: GitHub takes a refresh token once.

        None: meanwhile the person has connected anew, or disconnected.
        """
        rows = self.store.github_accounts
        try:
            tokens = await self.login.refresh(refresh)
        except TokenRefused:
            await rows.refuse(owner, row.sealed)
            log.warning("github_refresh_refused", extra={"login": row.login})
            raise
        except BaseException:
            await rows.release(owner, holder=holder)
            raise
        sealed = self._sealed(owner, tokens)
        expires_at = tokens.expires_at
        if await rows.reseal(owner, row.sealed, sealed, expires_at=expires_at, holder=holder):
            return tokens.access
        await self._revoked(tokens.access)
        return None

    async def _revoked(self, access: SecretStr) -> bool:
        try:
            return await self.login.revoke(access)
        except GithubAway as problem:
            log.warning("github_token_not_revoked", extra={"reason": str(problem)})
            return False

    async def _sealed_anew(self, owner: OwnerId, row: GithubAccount, kept: _Kept) -> None:
        if sealed_under(row.sealed) == self.sealing.key_ids[0]:
            return
        sealed = self.sealing.seal(kept.model_dump_json(), bound_to=_bound(owner))
        rows = self.store.github_accounts
        await rows.reseal(owner, row.sealed, sealed, expires_at=row.expires_at)

    def _sealed(self, owner: OwnerId, tokens: Tokens) -> str:
        kept = _Kept(
            access=tokens.access.get_secret_value(),
            refresh=tokens.refresh.get_secret_value() if tokens.refresh is not None else None,
        )
        return self.sealing.seal(kept.model_dump_json(), bound_to=_bound(owner))

    def _opened(self, owner: OwnerId, row: GithubAccount) -> _Kept:
        if sealed_under(row.sealed) is None:
            log.warning("github_token_unreadable", extra={"reason": "not sealed"})
            raise TokenUnreadable
        try:
            return _Kept.model_validate_json(self.sealing.open(row.sealed, bound_to=_bound(owner)))
        except (KeyMissing, Tampered, ValidationError) as problem:
            log.warning("github_token_unreadable", extra={"reason": type(problem).__name__})
            raise TokenUnreadable from None


def _bound(owner: OwnerId) -> str:
    return f"github account of {owner}"


async def unbroken(work: Coroutine[Any, Any, T]) -> T:
    """What `work` gives. It is done to its end also when its caller is cancelled meanwhile.

    `work` has to bound its own time.
    """
    running = asyncio.get_running_loop().create_task(work)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        if not running.cancelled():
            running.exception()  # looked at: nobody is there any more who could be told
        raise
