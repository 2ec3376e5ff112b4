"""Addresses that lead into a network, and servers that mean harm."""

import asyncio
import gzip
import ipaddress
import socket

import pytest
from aiohttp import web

from tests.tools.fetch.site import only_here, site
from tools.fetch import FETCH_TOOLS, pages
from tools.fetch.addresses import Allows, PublicResolver, is_public
from tools.fetch.pages import WebPages
from tools.output import ToolOutput
from tools.place import Place, Provided
from tools.registry import Toolbox
from tools.workspace.memory import MemoryWorkspace

INSIDE = "is not on the public internet"
NO_PAGE = "is not the URL of a web page"


async def fetched(url: str, allows: Allows = is_public) -> ToolOutput:
    async with WebPages(allows) as web_pages:
        place = Place(MemoryWorkspace(), need=Provided(web_pages))
        return await Toolbox(FETCH_TOOLS).run("fetchUrl", {"url": url}, place)


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("http://127.0.0.1:8080/", INSIDE),
        ("http://localhost:8080/", INSIDE),
        ("http://LOCALHOST.:8080/", ""),
        ("http://0.0.0.0:8080/", INSIDE),
        ("http://10.0.0.1/", INSIDE),
        ("http://172.16.0.1/", INSIDE),
        ("http://192.168.1.1/", INSIDE),
        ("http://169.254.169.254/latest/meta-data", INSIDE),
        ("http://100.64.0.1/", INSIDE),
        ("http://224.0.0.1/", INSIDE),
        ("http://255.255.255.255/", INSIDE),
        ("http://[::1]:8080/", INSIDE),
        ("http://[::]/", INSIDE),
        ("http://[::ffff:127.0.0.1]/", INSIDE),
        ("http://[::ffff:a00:1]/", INSIDE),
        ("http://[fe80::1]/", INSIDE),
        ("http://[fc00::1]/", INSIDE),
        ("http://[2002:7f00:1::]/", INSIDE),
        ("http://[64:ff9b::7f00:1]/", INSIDE),
        ("http://2130706433/", "could not be fetched"),
        ("http://0x7f000001/", INSIDE),
        ("http://017700000001/", "could not be fetched"),
        ("http://127.1/", "could not be fetched"),
        ("file:///etc/passwd", NO_PAGE),
        ("ftp://example.com/", NO_PAGE),
        ("gopher://127.0.0.1:25/", NO_PAGE),
        ("javascript:alert(1)", NO_PAGE),
        ("data:text/html,hello", NO_PAGE),
        ("//example.com/", NO_PAGE),
        ("example.com", NO_PAGE),
        ("http://", NO_PAGE),
        ("http://[::1", "is not a URL"),
        ("http://a:b@example.com/", "user name or password"),
        ("http://example.com@127.0.0.1/", "user name or password"),
        ("http://example.com:22/", "Port 22"),
        ("http://example.com:25/", "Port 25"),
        ("http://127.0.0.1\t.example.com/", "could not be fetched"),
        ("http://exa\u0000mple.com/", ""),
        ("https://" + "a" * 3_000, "arguments of fetchUrl are not valid"),
    ],
)  # fmt: skip
async def test_an_address_that_is_no_public_page_is_refused_with_its_reason(
    url: str, text: str
) -> None:
    async with asyncio.timeout(25):
        output = await fetched(url)
    assert output.is_error
    assert "defect" not in output.text
    assert text in output.text


@pytest.mark.parametrize(
    "target", ["http://127.0.0.2:{port}/secret", "http://[::1]:{port}/secret", "file:///etc/passwd"]
)
async def test_a_redirect_into_the_network_is_refused(target: str) -> None:
    async def moved(request: web.Request) -> web.Response:
        raise web.HTTPFound(target.format(port=request.url.port))

    async def secret(_: web.Request) -> web.Response:
        return web.Response(text="secret")

    async with site({"/moved": moved, "/secret": secret}) as url:
        output = await fetched(f"{url}/moved", only_here)
    assert output.is_error
    assert "secret" not in output.text.replace("/secret", "")


async def test_redirects_end() -> None:
    async def again(request: web.Request) -> web.Response:
        raise web.HTTPFound(f"/again?{len(request.query_string) * 'x'}x")

    async with site({"/again": again}) as url:
        output = await fetched(f"{url}/again", only_here)
    assert output.is_error
    assert "redirects more than 5 times" in output.text


async def test_a_name_with_one_address_inside_is_refused_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One may be public, and the other is connected to when the first does not answer."""
    both = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80))
        for address in ("93.184.216.34", "10.0.0.1")
    ]

    async def answers(*_: object, **__: object) -> object:
        return both

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", answers)
    output = await fetched("http://rebinding.example/")
    assert output.is_error
    assert INSIDE in output.text


async def test_what_was_judged_is_what_is_connected_to() -> None:
    found = await PublicResolver(only_here).resolve("localhost", 80, socket.AF_INET)
    assert {each["host"] for each in found} == {"127.0.0.1"}
    assert all(each["flags"] & socket.AI_NUMERICHOST for each in found)


async def test_a_bomb_of_zeros_is_cut() -> None:
    packed = gzip.compress(b"0" * 200_000_000)

    async def bomb(_: web.Request) -> web.Response:
        return web.Response(
            body=packed, headers={"Content-Encoding": "gzip", "Content-Type": "text/plain"}
        )

    async with site({"/bomb": bomb}) as url, WebPages(only_here) as web_pages:
        text = await web_pages.text_of(f"{url}/bomb")
    assert len(text) < pages.MAX_BYTES + 200


async def test_a_page_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "DEADLINE_S", 0.5)

    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await response.prepare(request)
        while True:
            await response.write(b".")
            await asyncio.sleep(0.05)

    async with site({"/drip": drip}) as url:
        output = await fetched(f"{url}/drip", only_here)
    assert output.is_error
    assert "did not answer within 0.5 seconds" in output.text


async def test_html_that_is_nested_without_end_is_an_error_and_not_a_crash() -> None:
    async def deep(_: web.Request) -> web.Response:
        return web.Response(text="<div>" * 50_000, content_type="text/html")

    async with site({"/deep": deep}) as url:
        output = await fetched(f"{url}/deep", only_here)
    assert "defect" not in output.text


def test_public_addresses_are_allowed() -> None:
    for address in ("93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "::ffff:8.8.8.8"):
        assert is_public(ipaddress.ip_address(address))
