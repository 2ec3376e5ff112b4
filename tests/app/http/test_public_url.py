"""What Convex names of itself, where browsers reach all of it through this API."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from app.settings import SettingsInvalid, load_settings
from tests.support.api_client import Api, local_user
from tests.support.product import Program, disposable

pytestmark = pytest.mark.timeout(60)  # the first test starts the product

PUBLIC = "https://ide.example"


@pytest.fixture(scope="module")
def behind_a_proxy(
    local_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Program]:
    env = {**local_env, "POLARIS_PUBLIC_URL": PUBLIC}
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
