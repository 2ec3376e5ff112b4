"""`/docs` is whole in itself: what it loads is served here, and its policy lets nothing else in."""

import re
from html.parser import HTMLParser

from tests.support.api_client import Api, api_at
from tests.support.product import Program

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
A_HOST = re.compile(r"(?:[a-z]+:)?//[\w-]+\.\w|\b(?:https?|wss?):", re.IGNORECASE)


class Links(HTMLParser):
    """What a page names, and whether it has code or style of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.named: list[str] = []
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.named += [given[name] or "" for name in ("src", "href") if name in given]
        self.inline += [tag] if tag == "style" or (tag == "script" and "src" not in given) else []
        self.inline += [name for name in given if name == "style" or name.startswith("on")]


async def text_of(api: Api, path: str, kind: str) -> str:
    answer = await api.call("GET", path)
    assert (answer.status, answer.headers["Content-Type"].partition(";")[0]) == (200, kind)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    return answer.body.decode()


async def test_the_page_and_all_that_it_loads_come_from_here(product: Program) -> None:
    async with api_at(product.ready["api"], "nobody", "") as nobody:
        page = await text_of(nobody, "/docs", "text/html")
        assert (await nobody.call("GET", "/docs")).headers["Content-Security-Policy"] == POLICY
        links = Links()
        links.feed(page)
        assert links.inline == []  # the policy would block it
        assert set(links.named) == {"data:,", "/openapi.json", "/docs/page.css", "/docs/page.js"}
        style = await text_of(nobody, "/docs/page.css", "text/css")
        script = await text_of(nobody, "/docs/page.js", "text/javascript")
    assert [A_HOST.findall(text) for text in (page, style, script)] == [[], [], []]
    assert "@import" not in style
    assert "url(" not in style
    assert "innerHTML" not in script


async def test_every_answer_has_a_policy(product: Program) -> None:
    async with api_at(product.ready["api"], "nobody", "") as nobody:
        for path in ("/openapi.json", "/docs/page.js", "/health/live", "/nowhere"):
            policy = (await nobody.call("GET", path)).headers["Content-Security-Policy"]
            assert policy == "default-src 'none'; frame-ancestors 'none'"
