"""What GitHub has brought: it has no room past the limit, and it goes with the account."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.app.http.test_github import ended
from tests.support.api_client import Api, local_user
from tests.support.github import File, GithubStandIn
from tests.support.product import Program, disposable
from tests.support.traces import traces
from tests.support.waiting import until_answered

pytestmark = pytest.mark.timeout(180)

LIMIT_BYTES = 1_000
CONFIRM = {"confirm": "delete my account"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def limited(local_env: dict[str, str], folder: Path) -> Iterator[Program]:
    env = {**local_env, "POLARIS_STORAGE_LIMIT_BYTES": str(LIMIT_BYTES)}
    with disposable(["dev"], folder=folder, env=env) as program:
        yield program


@pytest.fixture
async def person(limited: Program) -> AsyncIterator[Api]:
    async with local_user(limited) as person:
        yield person


async def test_a_pull_without_room_fails_and_histories_go_with_the_account(
    person: Api, limited: Program, folder: Path, github: GithubStandIn
) -> None:
    github.repositories.make("octo/small")
    github.repositories.commit("octo/small", [File(b"a.txt", b"a secret of theirs\n")])
    started = await person.ok("POST", "/api/github/import", {"url": "octo/small"})
    project_id = started["projectId"]
    assert (await ended(person, project_id))["status"] == "completed"
    github.repositories.commit("octo/small", [File(b"a.txt", b"b"), File(b"b.txt", b"b" * 2_000)])
    await person.ok("POST", "/api/github/pull", {"projectId": project_id})
    pulled = await ended(person, project_id)
    assert (pulled["kind"], pulled["status"]) == ("pull", "failed")
    assert pulled["errorCode"] == "quota_exceeded"
    assert await person.ok("GET", f"/api/projects/{project_id}/files/a.txt")
    repositories = folder / "data" / "repositories" / "0"
    assert list(repositories.glob("histories/*.git"))

    assert (await person.call("DELETE", "/api/account", CONFIRM)).status == 202

    async def is_deleted() -> bool:
        return "deletionRequestedAt" not in await person.ok("GET", "/api/account")

    await until_answered(is_deleted, timeout_s=90)
    assert not list(repositories.rglob("*.git"))
    limited.kill()
    assert traces(folder / "data", ["octo/small", "a secret of theirs"]) == []
