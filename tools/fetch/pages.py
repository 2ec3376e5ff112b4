"""Pages of the web as Markdown: bounded, a while in memory, never from inside a network."""

import asyncio
from collections import OrderedDict
from time import monotonic
from typing import Self

import aiohttp
from yarl import URL

from tools.fetch.addresses import Allows, NotFetched, PublicResolver, checked, is_public

MAX_BYTES = 1024 * 1024  # of a page as it is sent; the rest is left out, and that is said
MAX_REDIRECTS = 5
DEADLINE_S = 20.0  # for all of it, redirects included
KEPT_S = 15 * 60.0
MAX_KEPT = 64  # pages; the one used longest ago goes
ACCEPT = "text/markdown, text/html;q=0.9, text/plain;q=0.8, application/json;q=0.7, */*;q=0.1"
LEFT_OUT = ["script", "style", "noscript", "svg", "iframe", "template", "head"]
READABLE = ("text/", "application/json", "application/xml", "application/javascript")
HTML = {"text/html", "application/xhtml+xml"}


class WebPages:
    """Fetches pages and keeps them for a quarter of an hour. The worker owns one.

    Args:
        allows: which addresses may be connected to.
    """

    def __init__(self, allows: Allows = is_public) -> None:
        self._allows = allows
        self._kept: OrderedDict[str, tuple[float, str]] = OrderedDict()
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open."""
        connector = aiohttp.TCPConnector(
            resolver=PublicResolver(self._allows), use_dns_cache=False, limit=8
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=DEADLINE_S),
            headers={"User-Agent": "Polaris", "Accept": ACCEPT},
            trust_env=False,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close what is connected."""
        if self._session is not None:
            await self._session.close()

    async def text_of(self, address: str) -> str:
        """A page as Markdown, or as it is if it is text of another kind.

        Raises:
            NotFetched: it cannot be had, is no text, or lies inside a network.
        """
        url = checked(address, self._allows)
        kept = self._kept.get(str(url))
        if kept is not None and kept[0] > monotonic():
            self._kept.move_to_end(str(url))
            return kept[1]
        try:
            async with asyncio.timeout(DEADLINE_S):
                text = await self._fetch(url)
        except TimeoutError:
            raise NotFetched(f"{url} did not answer within {DEADLINE_S:g} seconds.") from None
        except (aiohttp.ClientError, OSError, UnicodeError) as error:
            reason = str(error) or type(error).__name__
            raise NotFetched(f"{url} could not be fetched: {reason}") from error
        self._kept[str(url)] = (monotonic() + KEPT_S, text)
        if len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)
        return text

    async def _fetch(self, url: URL) -> str:
        if self._session is None:
            raise RuntimeError("the pages have not been opened")
        asked = url
        for _ in range(MAX_REDIRECTS + 1):
            async with self._session.get(asked, allow_redirects=False) as response:
                target = response.headers.get("Location")
                if response.status in {301, 302, 303, 307, 308} and target is not None:
                    asked = checked(str(asked.join(URL(target))), self._allows)
                    continue
                return await _read(response)
        raise NotFetched(f"{url} redirects more than {MAX_REDIRECTS} times.")


async def _read(response: aiohttp.ClientResponse) -> str:
    if not response.ok:
        raise NotFetched(f"{response.url} answered {response.status} {response.reason}.")
    kind = response.content_type
    if not kind.startswith(READABLE) and kind not in HTML:
        raise NotFetched(f"{response.url} is {kind}, which cannot be shown as text.")
    data = bytearray()
    async for chunk in response.content.iter_chunked(64 * 1024):
        data += chunk
        if len(data) > MAX_BYTES:
            break
    text = _decoded(bytes(data[:MAX_BYTES]), response.charset)
    if kind in HTML:
        text = await asyncio.to_thread(_markdown, text)
    if len(data) > MAX_BYTES:
        text += f"\n\n[The page is longer than {MAX_BYTES:,} bytes; the rest is left out.]"
    return text


def _decoded(data: bytes, charset: str | None) -> str:
    try:
        return data.decode(charset or "utf-8", errors="replace")
    except LookupError:  # a name that no decoder has
        return data.decode(errors="replace")


def _markdown(html: str) -> str:
    # A tenth of a second to import: for who fetches a page, in a thread.
    from bs4 import BeautifulSoup  # noqa: PLC0415
    from markdownify import MarkdownConverter  # noqa: PLC0415

    try:
        page = BeautifulSoup(html, "html.parser")
        for element in page(LEFT_OUT):
            element.decompose()
        text = MarkdownConverter(heading_style="ATX", strip=["img"]).convert_soup(page)
    except RecursionError:
        raise NotFetched("The page is nested too deeply to be read.") from None
    kept: list[str] = []
    for line in (line.rstrip() for line in text.splitlines()):
        if line or (kept and kept[-1]):
            kept.append(line)
    return "\n".join(kept).strip()
