"""Making a client for GitHub. PyGithub is imported when one is wanted: that takes 0.2 s."""

import asyncio
from importlib import import_module
from typing import TYPE_CHECKING

from pydantic import SecretStr

from core.clock import Clock
from jobs.github.accounts import GithubServer, OnRefused

if TYPE_CHECKING:
    from jobs.github.client import GithubClient


async def client_of(
    server: GithubServer,
    token: SecretStr | None,
    clock: Clock,
    on_refused: OnRefused | None = None,
) -> "GithubClient":
    """A client for one step of one job, or for one question.

    `on_refused` is called when GitHub does not take the token.
    """
    module = await asyncio.to_thread(import_module, "jobs.github.client")
    return module.GithubClient(server, token, clock, on_refused)
