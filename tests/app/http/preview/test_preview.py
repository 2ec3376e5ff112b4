"""Previews through the real server: what runs in the sandbox, seen by its owner's browser alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from app.http.preview.heads import COOKIE
from tests.app.conftest import NewPerson
from tests.support.api_client import Api
from tests.support.terminals import Client, terminal_of
from tools.sandbox.sandbox import Sandbox

pytestmark = pytest.mark.timeout(180)

SERVER = r"""
const { createHash } = require("node:crypto");
const server = require("node:http").createServer((asked, answer) => {
  const path = asked.url.split("?")[0];
  if (path === "/headers") return answer.end(JSON.stringify(asked.headers));
  if (path === "/away") {
    answer.writeHead(302, { location: "http://127.0.0.1:8787/api/projects" });
    return answer.end();
  }
  if (path === "/cookies") {
    answer.setHeader("set-cookie", ["mine=1; Domain=localhost", "polaris_preview=stolen"]);
    return answer.end("set");
  }
  if (path === "/echo") return asked.pipe(answer);
  if (path === "/large") {
    let left = 200;
    const more = () => {
      while (left-- > 0) if (!answer.write("x".repeat(100000))) return answer.once("drain", more);
      answer.end();
    };
    return more();
  }
  if (path === "/slow") {
    answer.write("first");
    return fs.watchFile("go", { interval: 50 }, () => answer.end("last"));
  }
  answer.end(`hello from ${path}`);
});
const fs = require("node:fs");
server.on("upgrade", (asked, socket) => {
  const key = asked.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  const accept = createHash("sha1").update(key).digest("base64");
  const head = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"];
  socket.write([...head, `Sec-WebSocket-Accept: ${accept}`, "", ""].join("\r\n"));
  const said = Buffer.from(asked.headers.origin ?? "none");
  socket.write(Buffer.concat([Buffer.from([0x81, said.length]), said]));
  socket.on("data", (data) => socket.write(Buffer.from([0x82, 1, data.length])));
});
server.listen(5173, "127.0.0.1", () => console.log("list" + "ening"));
"""


@dataclass
class Browser:
    """A browser: it knows the address, and the cookie once it was given one."""

    http: aiohttp.ClientSession
    host: str
    base: str
    cookie: str = ""

    def headers(self, **more: str) -> dict[str, str]:
        given = {"Host": self.host} | ({"Cookie": self.cookie} if self.cookie else {})
        return given | more

    async def ask(self, path: str, method: str = "GET", **more: Any) -> tuple[int, Any, bytes]:
        headers = self.headers(**more.pop("headers", {}))
        async with self.http.request(
            method, f"{self.base}{path}", headers=headers, allow_redirects=False, **more
        ) as answer:
            return answer.status, answer.headers, await answer.read()


@dataclass
class Site:
    """A project whose server runs in a terminal."""

    api: Api
    project_id: str
    terminal: Client
    http: aiohttp.ClientSession

    async def url(self, port: int = 5173) -> str:
        path = f"/api/projects/{self.project_id}/preview"
        return (await self.api.ok("POST", path, {"port": port}))["url"]

    def browser(self, url: str) -> Browser:
        parts = urlsplit(url)
        return Browser(self.http, parts.netloc, f"http://127.0.0.1:{parts.port}")

    async def opened(self, port: int = 5173) -> Browser:
        url = await self.url(port)
        browser = self.browser(url)
        status, headers, _ = await browser.ask(url.removeprefix(f"http://{browser.host}"))
        assert (status, headers["Location"]) == (303, "/")
        browser.cookie = headers["Set-Cookie"].partition(";")[0]
        return browser


@pytest.fixture
async def site(api: Api) -> AsyncIterator[Site]:
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(Sandbox(kinds=["bubblewrap"]))
        if sandbox.kind is None:
            pytest.skip("this machine has no network namespaces")
        project_id = await api.project()
        path = f"/api/projects/{project_id}/files/server.js"
        await api.ok("PUT", path, {"content": SERVER})
        terminal = await stack.enter_async_context(terminal_of(api, project_id))
        http = await stack.enter_async_context(
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        )
        await terminal.type("node server.js\n")
        await terminal.until_shown("listening\r\n")
        yield Site(api, project_id, terminal, http)
        await api.ok("DELETE", f"/api/projects/{project_id}")


async def test_the_owner_sees_what_runs(site: Site) -> None:
    browser = await site.opened()
    assert (await browser.ask("/a/b?c=1"))[::2] == (200, b"hello from /a/b")
    assert (await browser.ask("/nowhere", "HEAD"))[::2] == (200, b"")
    status, _, body = await browser.ask("/echo", "POST", data=BytesIO(b"z" * 3_000_000))
    assert (status, len(body)) == (200, 3_000_000)
    assert len((await browser.ask("/large"))[2]) == 20_000_000
    status, headers, _ = await browser.ask("/")
    assert "Polaris" not in headers.get("Server", "")


async def test_an_answer_streams(site: Site) -> None:
    browser = await site.opened()
    async with site.http.get(f"{browser.base}/slow", headers=browser.headers()) as answer:
        assert await answer.content.readexactly(5) == b"first"
        path = f"/api/projects/{site.project_id}/files/go"
        await site.api.ok("PUT", path, {"content": "x"})
        assert await answer.content.read() == b"last"


async def test_websockets_pass(site: Site) -> None:
    browser = await site.opened()
    headers = browser.headers(Origin=f"http://{browser.host}")
    async with site.http.ws_connect(f"{browser.base}/hmr", headers=headers) as socket:
        assert await socket.receive_str(timeout=40) == "http://localhost:5173"
        await socket.send_bytes(b"abc")
        assert await socket.receive_bytes(timeout=40) == bytes([3 + 6])  # as a frame of a client


async def test_nothing_of_ours_goes_across(site: Site) -> None:
    browser = await site.opened()
    given = {"Cookie": f"theirs=1; {browser.cookie}", "X-Forwarded-For": "10.1.1.1"}
    _, _, body = await browser.ask("/headers", headers=given)
    assert browser.cookie.partition("=")[2].encode() not in body
    assert b"10.1.1.1" not in body
    assert b'"cookie":"theirs=1"' in body
    assert b'"host":"localhost:5173"' in body
    _, headers, _ = await browser.ask("/cookies")
    assert headers.getall("Set-Cookie") == ["mine=1"]
    status, headers, _ = await browser.ask("/away")
    assert (status, headers["Location"]) == (302, "/api/projects")


async def test_only_the_browser_that_opened_it_sees_it(site: Site, new_person: NewPerson) -> None:
    browser = await site.opened()
    stranger = Browser(site.http, browser.host, browser.base)
    for cookie in ("", f"{COOKIE}=guess", f"{COOKIE}="):
        stranger.cookie = cookie
        status, _, body = await stranger.ask("/")
        assert status == 403
        assert b"hello" not in body
    status, headers, _ = await stranger.ask("/preview/open?token=nonsense")
    assert (status, "Set-Cookie" in headers) == (403, False)
    other = await site.opened(5174)  # a token and a cookie are of one port
    assert other.host != browser.host
    stranger.cookie = other.cookie
    assert (await stranger.ask("/"))[0] == 403
    token = urlsplit(await site.url(5174)).query
    assert (await stranger.ask(f"/preview/open?{token}"))[0] == 403
    path = f"/api/projects/{site.project_id}/preview"
    refused = await (await new_person()).call("POST", path, {"port": 5173})
    assert refused.status == 404


@pytest.mark.parametrize("host", ["evil.example", "localhost", "127.0.0.1", "", "p.x.y", "PORT"])
async def test_another_host_is_no_preview(site: Site, host: str) -> None:
    browser = await site.opened()
    label, _, base = browser.host.partition(".")
    hosts = {"PORT": f"{label}.localhost:1", "localhost": base}
    browser.host = hosts.get(host, host)
    status, _, body = await browser.ask("/")
    assert status in {400, 421}
    assert b"hello" not in body


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost:8787", "http://["]
)
async def test_pages_of_others_cannot_ask_it(site: Site, origin: str) -> None:
    browser = await site.opened()
    assert (await browser.ask("/echo", "POST", data=b"x", headers={"Origin": origin}))[0] == 403
    with pytest.raises(aiohttp.WSServerHandshakeError):
        async with site.http.ws_connect(
            f"{browser.base}/hmr", headers=browser.headers(Origin=origin)
        ):
            pass


async def test_where_nothing_listens_it_is_said_so(site: Site) -> None:
    browser = await site.opened(5199)
    status, _, body = await browser.ask("/")
    assert status == 502
    assert b"Nothing in this project listens on port 5199" in body
    browser = await site.opened(urlsplit(site.api.url).port or 0)  # of the host, not of the inside
    assert (await browser.ask("/health/live"))[0] == 502


@pytest.mark.parametrize("port", [0, -1, 65_536, "80", 1.5, None])
async def test_a_port_that_is_none_is_refused(api: Api, port: object) -> None:
    path = f"/api/projects/{await api.project()}/preview"
    refused = await api.call("POST", path, {"port": port})
    assert (refused.status, refused.body["field"]) == (400, "port")


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
    ],
    ids=["nonsense", "no host", "two hosts", "a long head"],
)
async def test_what_is_no_request_is_answered(site: Site, sent: bytes) -> None:
    port = urlsplit(await site.url()).port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    async with asyncio.timeout(40):
        answer = await reader.read()
    writer.close()
    assert answer.startswith((b"HTTP/1.1 4", b""))
    assert b"hello" not in answer
    assert (await (await site.opened()).ask("/x"))[2] == b"hello from /x"
