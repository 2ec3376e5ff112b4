"""Whose GitHub account a job acts for: a port, which the wiring fills."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from pydantic import SecretStr

from core.ids import OwnerId

OnRefused = Callable[[], Awaitable[None]]


class GithubAccounts(Protocol):
    """The tokens of connected accounts. They are asked for when needed, and kept nowhere else."""

    async def token(self, owner: OwnerId) -> SecretStr | None:
        """The person's token; None where no account is connected.

        Raises:
            TokenRefused: there was one, and GitHub takes it no more.
            GithubAway: it cannot be had now.
        """
        ...

    async def refused(self, owner: OwnerId, token: SecretStr) -> None:
        """GitHub does not take this token: remember it, unless there is another by now."""
        ...


@dataclass(frozen=True)
class OneAccount:
    """One account for the one person of an installation, or none for anybody."""

    owner: OwnerId
    secret: SecretStr | None

    async def token(self, owner: OwnerId) -> SecretStr | None:
        """The token, for that person alone."""
        return self.secret if owner == self.owner else None

    async def refused(self, owner: OwnerId, token: SecretStr) -> None:
        """Nothing is remembered: a token of the settings is changed there."""


@dataclass(frozen=True)
class GithubServer:
    """Where GitHub is, or a GitHub Enterprise: its pages and repositories, and its API."""

    server_url: str = "https://github.com"
    api_url: str = "https://api.github.com"

    def git_url(self, full_name: str) -> str:
        """Where git finds a repository."""
        return f"{self.server_url.rstrip('/')}/{full_name}.git"

    def page_url(self, full_name: str) -> str:
        """Where people find it."""
        return f"{self.server_url.rstrip('/')}/{full_name}"


@dataclass(frozen=True)
class ImportLimits:
    """What an import may bring. A larger file is left out; the other two end it."""

    files: int = 20_000
    total_bytes: int = 500_000_000
    file_bytes: int = 25_000_000
