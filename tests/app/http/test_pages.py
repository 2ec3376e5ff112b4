"""What serves the web page: its policy, its files, and nothing else of the disk."""

import gzip
import re

import aiohttp
import pytest

from tests.support.api_client import api_at
from tests.support.product import Program

FOREVER = "public, max-age=31536000, immutable"


async def test_the_page_has_a_policy_with_a_nonce_of_its_own(product: Program) -> None:
    async with api_at(product.ready["api"], "nobody", "") as nobody:
        for path in (
            "/",
            "/p/x",
            "/p/x/c/y",
            "/runs",
            "/runs/a:b/c",
            "/events/a:b/c",
            "/jobs",
            "/metrics",
        ):
            nonces: set[str] = set()
            for _ in range(2):
                answer = await nobody.call("GET", path)
                assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
                policy = answer.headers["Content-Security-Policy"]
                assert policy.startswith("default-src 'none'; script-src 'self'; ")
                assert "unsafe" not in policy
                assert "; connect-src 'self'; " in policy
                assert re.search(r"; frame-src 'self' http://\*\.localhost:\d+;", policy)
                nonces |= set(re.findall(r"'nonce-([^']+)'", policy))
                html = answer.body.decode()
                assert set(re.findall(r'nonce="([^"]*)"', html)) <= nonces
                assert "__NONCE__" not in html
            assert len(nonces) == 2


async def test_the_frame_of_a_terminal_is_for_pages_of_this_origin(product: Program) -> None:
    async with api_at(product.ready["api"], "nobody", "") as nobody:
        answer = await nobody.call("GET", "/terminal")
    policy = answer.headers["Content-Security-Policy"]
    assert (answer.status, answer.headers["X-Frame-Options"]) == (200, "SAMEORIGIN")
    assert policy.startswith("default-src 'none'; script-src 'self'; ")
    assert policy.endswith("; frame-ancestors 'self'")
    assert "NONCE" not in answer.body.decode()


async def test_its_files_stay_for_ever_and_come_compressed(product: Program) -> None:
    url = product.ready["api"]
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        async with session.get(f"{url}/") as page:
            names = re.findall(r'(?:src|href)="(/assets/[^"]+)"', await page.text())
        assert names
        for name in names:
            async with session.get(url + name, headers={"Accept-Encoding": "identity"}) as plain:
                assert plain.headers["Cache-Control"] == FOREVER
                body = await plain.read()
            async with session.get(url + name, headers={"Accept-Encoding": "gzip"}) as packed:
                assert packed.headers["Content-Encoding"] == "gzip"
                assert gzip.decompress(await packed.read()) == body


@pytest.mark.parametrize(
    "name", ["nothing.js", "..%2findex.html", "%2e%2e%2f%2e%2e%2fpackage.json", "index.html"]
)
async def test_nothing_else_is_served(product: Program, name: str) -> None:
    async with api_at(product.ready["api"], "nobody", "") as nobody:
        assert (await nobody.call("GET", f"/assets/{name}")).status == 404
