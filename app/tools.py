"""Which tools agents may be given, and what of them lives as long as the worker."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from app.settings import Settings, SettingsInvalid
from tools.fetch import FETCH_TOOLS
from tools.fetch.pages import WebPages
from tools.files import FILE_TOOLS
from tools.lsp import LSP_TOOLS
from tools.lsp.language_servers import LanguageServers
from tools.lsp.servers import SERVERS, Server, read_table
from tools.place import Provided
from tools.tool import AnyTool

TOOLS: tuple[AnyTool, ...] = (*FILE_TOOLS, *LSP_TOOLS, *FETCH_TOOLS)
"""All of them, in the order in which models see them."""


@asynccontextmanager
async def owned_by_worker(settings: Settings) -> AsyncGenerator[Provided]:
    """What tools ask their place for; closed with the worker."""
    async with (
        WebPages() as pages,
        LanguageServers(servers=language_servers_of(settings)) as servers,
    ):
        yield Provided(pages, servers)


def language_servers_of(settings: Settings) -> tuple[Server, ...]:
    """The language servers that may be started; those of the settings come before ours.

    Raises: SettingsInvalid.
    """
    if settings.language_servers is None:
        return SERVERS
    try:
        return (*read_table(settings.language_servers), *SERVERS)
    except (OSError, ValueError) as error:
        raise SettingsInvalid(f"POLARIS_LANGUAGE_SERVERS: {error}") from None
