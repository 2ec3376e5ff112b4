"""fetchUrl: pages as Markdown, in parts, from memory for a while."""

from aiohttp import web

from tests.tools.fetch.site import only_here, site
from tools.fetch import FETCH_TOOLS
from tools.fetch.fetch_url import SHOWN_CHARS
from tools.fetch.pages import MAX_BYTES, WebPages
from tools.output import ToolOutput
from tools.place import Place, Provided
from tools.registry import Toolbox
from tools.workspace.memory import MemoryWorkspace

PAGE = """<!doctype html><html><head><title>T</title><style>p {}</style></head><body>
<nav><a href="/a">A</a></nav><h1>Money</h1><p>Split <b>amounts</b>.</p>
<script>alert(1)</script><svg><text>drawing</text></svg>
<pre><code>const a = 1;
</code></pre><table><tr><th>x</th></tr><tr><td>1</td></tr></table></body></html>"""


class Asked:
    """Pages, and how often each was asked for."""

    def __init__(self) -> None:
        self.count = 0

    async def html(self, _: web.Request) -> web.Response:
        self.count += 1
        return web.Response(text=PAGE, content_type="text/html")

    async def long(self, _: web.Request) -> web.Response:
        return web.Response(text="x" * (MAX_BYTES + 10), content_type="text/plain")

    async def json(self, _: web.Request) -> web.Response:
        return web.json_response({"a": 1})

    async def image(self, _: web.Request) -> web.Response:
        return web.Response(body=b"\x89PNG", content_type="image/png")

    async def missing(self, _: web.Request) -> web.Response:
        return web.Response(status=404, text="no")

    async def moved(self, _: web.Request) -> web.Response:
        raise web.HTTPFound("/html#part")

    async def latin(self, _: web.Request) -> web.Response:
        headers = {"Content-Type": "text/plain; charset=latin-1"}
        return web.Response(body="caf\u00e9".encode("latin-1"), headers=headers)


async def fetched(
    path: str, asked: Asked | None = None, *, times: int = 1, offset: int = 0
) -> ToolOutput:
    asked = asked or Asked()
    names = ("html", "long", "json", "image", "missing", "moved", "latin")
    answers = {f"/{name}": getattr(asked, name) for name in names}
    async with site(answers) as url, WebPages(only_here) as pages:
        place = Place(MemoryWorkspace(), need=Provided(pages))
        output = ToolOutput("")
        for _ in range(times):
            arguments = {"url": url + path, "offset": offset}
            output = await Toolbox(FETCH_TOOLS).run("fetchUrl", arguments, place)
        return output


async def test_a_page_is_markdown_without_scripts_and_drawings() -> None:
    output = await fetched("/html")
    assert not output.is_error
    assert "# Money" in output.text
    assert "Split **amounts**." in output.text
    assert "const a = 1;" in output.text
    assert "| x |" in output.text
    assert all(word not in output.text for word in ("alert", "drawing", "p {}"))


async def test_a_page_is_asked_for_once_in_a_quarter_of_an_hour() -> None:
    asked = Asked()
    await fetched("/html", asked, times=3)
    assert asked.count == 1


async def test_a_long_page_is_read_in_parts_and_cut_at_its_bound() -> None:
    first = await fetched("/long")
    assert first.text.startswith("x" * SHOWN_CHARS + "\n\n[")
    assert f"read on with offset {SHOWN_CHARS}" in first.text
    last = await fetched("/long", offset=MAX_BYTES - 5)
    assert last.text.startswith("xxxxx\n\n[The page is longer than")
    past = await fetched("/html", offset=5_000_000)
    assert past.is_error
    assert "past its end" in past.text


async def test_text_of_other_kinds_is_shown_as_it_is() -> None:
    assert (await fetched("/json")).text == '{"a": 1}'
    assert (await fetched("/latin")).text == "caf\u00e9"


async def test_what_cannot_be_shown_or_had_says_so() -> None:
    image = await fetched("/image")
    assert image.is_error
    assert "image/png" in image.text
    missing = await fetched("/missing")
    assert missing.is_error
    assert "404" in missing.text


async def test_a_redirect_is_followed() -> None:
    assert "# Money" in (await fetched("/moved")).text
