"""The site: the folder's HTTP actions on an address of their own, as Convex serves them."""

import socket
from pathlib import Path

import aiohttp
import pytest

from embedded_convex.process import ConvexNotRunning, EmbeddedConvex
from tests.embedded_convex.api import ADMIN_KEY, FIXTURES, serving

pytestmark = pytest.mark.timeout(30)


@pytest.mark.parametrize("path", ["/api/hook", "/api/query", "/version", "/http/hook"])
async def test_every_path_of_the_site_is_the_folders(tmp_path: Path, path: str) -> None:
    async with serving("basic", tmp_path / "d.sqlite") as (convex, api):
        assert convex.site_url != convex.url
        async with api.http.post(f"{convex.site_url}{path}?a=1", data="x") as response:
            assert response.status == 200
            assert await response.text() == f"{convex.site_url}{path}?a=1\nx"


async def test_the_protocol_keeps_its_paths_and_the_site_has_none_of_it(tmp_path: Path) -> None:
    async with serving("basic", tmp_path / "d.sqlite") as (convex, api):
        assert await api.query("notes:echo", value=1) == 1
        async with api.http.post(f"{api.url}/echo") as response:
            assert response.status == 404
        async with api.http.get(f"{api.url}/echo/a") as response:
            assert response.status == 200
        async with api.http.get(f"{convex.site_url}/version") as response:
            assert response.status == 404
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await api.http.ws_connect(f"{convex.site_url}/api/sync")


async def test_functions_see_both_addresses(tmp_path: Path) -> None:
    async with serving("basic", tmp_path / "d.sqlite") as (convex, api):
        assert await api.query("runtime:env", name="CONVEX_CLOUD_URL") == convex.url
        assert await api.query("runtime:env", name="CONVEX_SITE_URL") == convex.site_url


async def test_the_addresses_that_others_see_are_given_by_the_environment(tmp_path: Path) -> None:
    env = {"CONVEX_CLOUD_URL": "https://convex.example"}
    async with serving("basic", tmp_path / "a.sqlite", env=env) as (_, api):
        assert await api.query("runtime:env", name="CONVEX_SITE_URL") == "https://convex.example"
    env["CONVEX_SITE_URL"] = "https://site.example"
    async with serving("basic", tmp_path / "a.sqlite", env=env) as (convex, api):
        assert await api.query("runtime:env", name="CONVEX_SITE_URL") == "https://site.example"
        headers = {"Host": "site.example"}
        async with api.http.post(f"{convex.site_url}/api/hook", headers=headers) as response:
            assert await response.text() == "https://site.example/api/hook\n"
    with pytest.raises(ConvexNotRunning, match="CONVEX_SITE_URL is no URL"):
        async with serving("basic", tmp_path / "a.sqlite", env={"CONVEX_SITE_URL": "nonsense"}):
            pass


def embedded(data: Path, port: int, site_port: int | None) -> EmbeddedConvex:
    return EmbeddedConvex(
        FIXTURES / "basic", data, admin_key=ADMIN_KEY, env={}, port=port, site_port=site_port
    )


def listening(port: int) -> socket.socket:
    return socket.create_server(("127.0.0.1", port))


def two_ports() -> tuple[socket.socket, socket.socket]:
    """A free port, and the one after it."""
    while True:
        first = listening(0)
        try:
            return first, listening(first.getsockname()[1] + 1)
        except OSError:
            first.close()


async def test_it_stands_one_port_after_the_other_where_that_is_free(tmp_path: Path) -> None:
    """As Convex's own 3210 and 3211; else on a free one, which the ready line names."""
    first, second = two_ports()
    port = first.getsockname()[1]
    first.close()
    async with embedded(tmp_path / "d.sqlite", port, None) as convex:
        assert convex.url.endswith(f":{port}")
        assert not convex.site_url.endswith(f":{port + 1}")
    with pytest.raises(ConvexNotRunning, match=f"port {port + 1} cannot be used"):
        async with embedded(tmp_path / "d.sqlite", port, port + 1):
            pass
    second.close()
    async with embedded(tmp_path / "d.sqlite", port, None) as convex:
        assert convex.site_url.endswith(f":{port + 1}")
