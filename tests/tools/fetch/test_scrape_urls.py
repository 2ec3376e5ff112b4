"""scrapeUrls: several pages at once, each with its content or with why it could not be had."""

import json
from typing import Any

from aiohttp import web

from tests.tools.fetch.site import only_here, site
from tools.fetch import OLD_FETCH_TOOLS
from tools.fetch.pages import WebPages
from tools.fetch.scrape_urls import NONE_SCRAPED, SHOWN_CHARS
from tools.output import ToolOutput
from tools.place import Place, Provided
from tools.registry import Toolbox
from tools.workspace.memory import MemoryWorkspace


async def page(_: web.Request) -> web.Response:
    return web.Response(text="<h1>Money</h1>", content_type="text/html")


async def long(_: web.Request) -> web.Response:
    return web.Response(text="x" * SHOWN_CHARS * 2, content_type="text/plain")


async def scraped(*paths: str) -> tuple[ToolOutput, str]:
    async with site({"/page": page, "/long": long}) as url, WebPages(only_here) as pages:
        place = Place(MemoryWorkspace(), need=Provided(pages))
        urls = [path if ":" in path else url + path for path in paths]
        return await Toolbox(OLD_FETCH_TOOLS).run("scrapeUrls", {"urls": urls}, place), url


async def test_each_page_is_markdown_or_says_why_not() -> None:
    output, url = await scraped("/page", "/missing")
    found: list[dict[str, Any]] = json.loads(output.text)
    assert not output.is_error
    assert found[0] == {"url": f"{url}/page", "content": "# Money"}
    assert found[1]["content"].startswith(f"Failed to scrape URL: {url}/missing (")
    assert "404" in found[1]["content"]


async def test_all_pages_together_have_one_bound() -> None:
    output, _ = await scraped("/long", "/long")
    assert SHOWN_CHARS < len(output.text) < SHOWN_CHARS + 1_000
    assert "characters more are not shown" in output.text


async def test_an_error_when_no_page_can_be_had() -> None:
    output, _ = await scraped("/missing", "http://169.254.169.254/x", "ftp://example.com")
    assert output.is_error
    assert output.text.startswith(NONE_SCRAPED)
    assert output.text.count("Failed to scrape URL: ") == 3
    refused = await Toolbox(OLD_FETCH_TOOLS).run(
        "scrapeUrls", {"urls": []}, Place(MemoryWorkspace())
    )
    assert refused.is_error
