"""Which tools agents may be given, and what of them lives as long as the worker."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from tools.fetch import FETCH_TOOLS
from tools.fetch.pages import WebPages
from tools.files import FILE_TOOLS
from tools.place import Provided
from tools.tool import AnyTool

TOOLS: tuple[AnyTool, ...] = (*FILE_TOOLS, *FETCH_TOOLS)
"""All of them, in the order in which models see them."""


@asynccontextmanager
async def owned_by_worker() -> AsyncGenerator[Provided]:
    """What tools ask their place for; closed with the worker."""
    async with WebPages() as pages:
        yield Provided(pages)
