"""What a web page of somebody else can reach of a product on this machine."""

import aiohttp
import pytest

from tests.e2e.conftest import Broken

pytestmark = pytest.mark.timeout(60)  # the first test of a session starts the product


@pytest.mark.parametrize("path", ["/api/projects", "/health/ready", "/openapi.json"])
async def test_a_name_that_resolves_here_is_not_served(product: Broken, path: str) -> None:
    ready = product.program.ready
    headers = {"Host": "evil.example", "Authorization": f"Bearer {ready['token']}"}
    async with (
        aiohttp.ClientSession(ready["api"]) as http,
        http.get(path, headers=headers) as response,
    ):
        assert response.status == 421
        assert (await response.json())["code"] == "foreign_host"


async def test_another_origin_may_not_read_the_api(product: Broken) -> None:
    ready = product.program.ready
    headers = {"Origin": "https://evil.example", "Authorization": f"Bearer {ready['token']}"}
    asked = {**headers, "Access-Control-Request-Method": "DELETE"}
    async with aiohttp.ClientSession(ready["api"]) as http:
        async with http.get("/api/projects", headers=headers) as response:
            assert "Access-Control-Allow-Origin" not in response.headers
        async with http.options("/api/projects", headers=asked) as response:
            assert "Access-Control-Allow-Origin" not in response.headers
