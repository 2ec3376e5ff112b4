"""A proxy in front of the API: what Convex names of itself there, and who is said to call."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
from fastapi import FastAPI, Request

from app.http.serving.server import serving
from app.settings import SettingsInvalid, load_settings
from tests.support.api_client import Api, local_user
from tests.support.product import Program, disposable

pytestmark = pytest.mark.timeout(60)  # the first test starts the product

PUBLIC = "https://ide.example"
MOST_GUESTS = 200  # of an address, at the embedded Convex


@pytest.fixture(scope="module")
def behind_a_proxy(
    local_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Program]:
    env = {
        **local_env,
        "POLARIS_PUBLIC_URL": PUBLIC,
        "POLARIS_TRUSTED_PROXIES": "127.0.0.0/8",
    }
    with disposable(["dev"], folder=tmp_path_factory.mktemp("public"), env=env) as program:
        yield program


@pytest.fixture
async def person(behind_a_proxy: Program) -> AsyncIterator[Api]:
    async with local_user(behind_a_proxy) as person:
        yield person


async def test_a_storage_url_is_one_that_a_browser_reaches(person: Api) -> None:
    """The API itself reads the same file without going out to that address, which is none here."""
    project, data = await person.project(), bytes(range(256)) * 4_000
    await person.ok("PUT", f"/api/projects/{project}/files/a.bin", data=data)
    files = (await person.ok("GET", f"/api/projects/{project}/files"))["files"]
    body: dict[str, object] = {"path": "files:getFile", "args": {"id": files[0]["fileId"]}}
    told = str((await person.ok("POST", "/convex/api/query", body))["value"]["storageUrl"])
    assert told.startswith(f"{PUBLIC}/convex/api/storage/")
    assert (await person.call("GET", urlsplit(told).path)).body == data
    assert (await person.call("GET", f"/api/projects/{project}/files/a.bin")).body == data


async def test_an_http_action_is_reached_below_the_same_address(person: Api) -> None:
    answer = await person.call("POST", "/convex/http/generate-project", {"description": 1})
    assert (answer.status, answer.body["code"]) == (400, "invalid_request")
    begun = await person.ok("POST", "/convex/http/generate-project", {"description": "A counter"})
    project = await person.ok("GET", f"/api/projects/{begun['projectId']}")
    assert project["name"] == "Generated Project"


async def test_people_without_a_token_are_counted_by_their_own_address(person: Api) -> None:
    """Else one of them keeps all others out."""
    path, crowd = "/convex/api/1.0.0/sync", {"X-Forwarded-For": "198.51.100.9, 203.0.113.1"}
    many = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(person.url, connector=many) as http, AsyncExitStack() as held:
        for _ in range(MOST_GUESTS):
            await held.enter_async_context(http.ws_connect(path, headers=crowd))
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await http.ws_connect(path, headers=crowd)
        assert refused.value.status == 429
        other = http.ws_connect(path, headers={"X-Forwarded-For": "203.0.113.2"})
        async with other as socket:
            assert not socket.closed


@pytest.mark.parametrize(
    ("trusted", "seen"),
    [((), ["127.0.0.1", "http"]), (("10.0.0.0/8",), ["127.0.0.1", "http"])]
    + [((proxy,), ["203.0.113.1", "https"]) for proxy in ("127.0.0.1", "127.0.0.0/8")],
)
async def test_only_a_trusted_proxy_says_who_calls(trusted: tuple[str, ...], seen: list[str]):
    app = FastAPI()

    @app.get("/")
    def caller(request: Request) -> list[str]:
        return [request.client.host if request.client else "", request.url.scheme]

    said = {"X-Forwarded-For": "203.0.113.1", "X-Forwarded-Proto": "https"}
    async with (
        serving(app, host="127.0.0.1", port=0, grace_s=5, trusted_proxies=trusted) as url,
        aiohttp.ClientSession(url) as http,
        http.get("/", headers=said) as answer,
    ):
        assert await answer.json() == seen


def test_a_default_port_that_is_taken_is_no_address(tmp_path: Path) -> None:
    assert load_settings(data_dir=tmp_path).is_port_chosen is False
    assert load_settings(data_dir=tmp_path, port=8787).is_port_chosen is True


@pytest.mark.parametrize(
    ("given", "known"),
    [
        ({"port": 8787}, "http://127.0.0.1:8787"),
        ({"port": 8787, "host": "::1"}, "http://[::1]:8787"),
        ({"port": 0}, None),
        ({"port": 0, "public_url": PUBLIC}, PUBLIC),
    ],
)
def test_the_address_is_known_before_the_api_listens(
    given: dict[str, object], known: str | None, tmp_path: Path
) -> None:
    assert load_settings(data_dir=tmp_path, **given).known_url == known


@pytest.mark.parametrize("wrong", ["ide.example", "https://ide.example/", "https://a b", "ftp://a"])
def test_what_is_no_address_is_refused_at_the_start(wrong: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="POLARIS_PUBLIC_URL"):
        load_settings(data_dir=tmp_path, public_url=wrong)


@pytest.mark.parametrize("wrong", ["proxy.example", "10.0.0.1/8", "*"])
def test_a_proxy_that_is_no_address_is_refused_at_the_start(wrong: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="POLARIS_TRUSTED_PROXIES"):
        load_settings(data_dir=tmp_path, trusted_proxies=wrong)
