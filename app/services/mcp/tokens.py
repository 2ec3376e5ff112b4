"""Tokens for the tools of one project: shown once, kept as a hash."""

import hashlib
import secrets
from dataclasses import dataclass

from app.identity.tokens import Unauthorized
from app.services.configuring import chosen_registries
from core.ids import OwnerId, ProjectId
from store.gateway import Store
from tools.sandbox.registries import ALL, Registries

PREFIX = "pmcp_"  # so that scanners of leaked secrets can know one
_BYTES = 32  # out of reach of guessing, so one round of a plain hash is enough
_MAX_CHARS = 100


@dataclass(frozen=True)
class McpCaller:
    """Whoever has the token of a project; they act for its owner, in that project only."""

    project_id: ProjectId
    owner: OwnerId
    token_hash: str
    registries: Registries = ALL
    """What commands of the project may reach."""


class McpTokens:
    """One token a project: a new one takes the place of the one before."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def issue(self, project_id: ProjectId, *, owner: OwnerId) -> str:
        """A new token. Raises: NotFound."""
        token = PREFIX + secrets.token_urlsafe(_BYTES)
        await self._store.mcp.set_token(project_id, _hash_of(token), owner=owner)
        return token

    async def withdraw(self, project_id: ProjectId, *, owner: OwnerId) -> None:
        """End the token that the project has, if any. Raises: NotFound."""
        await self._store.mcp.drop_token(project_id, owner=owner)

    async def caller(self, authorization: str | None) -> McpCaller:
        """Who an `Authorization` header speaks for; asked anew each time, so a withdrawal counts.

        Raises:
            Unauthorized: there is no token, or it does not hold.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token.startswith(PREFIX) or len(token) > _MAX_CHARS:
            raise Unauthorized
        token_hash = _hash_of(token)
        holder = await self._store.mcp.holder(token_hash)
        if holder is None:
            raise Unauthorized
        registries = chosen_registries(holder.settings)
        return McpCaller(holder.project_id, holder.owner_id, token_hash, registries)


def _hash_of(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
