"""Our client, against a GitHub API that others wrote; git beside it is that of the stand-in.

What this API lacks is said in `tests/support/github/emulator.py`.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import pytest
from pydantic import SecretStr

from core.clock import SystemClock
from jobs.github.accounts import GithubServer
from jobs.github.client import GithubClient
from jobs.github.problems import NoAccess, NoSuchBranch, RefusedByGithub, RepositoryNotFound
from tests.jobs.github.site import TOKEN, Site
from tests.support.github.emulator import emulated_github

pytestmark = pytest.mark.timeout(120)

SEED: dict[str, object] = {
    "tokens": {TOKEN: {"login": "octo", "scopes": ["repo", "user"]}},
    "github": {
        "users": [{"login": "octo", "name": "Octo", "email": "octo@example.com"}],
        "orgs": [{"login": "corp", "name": "Corp"}],
        "repos": [{"owner": "octo", "name": "hello", "auto_init": True}],
    },
}


@pytest.fixture(scope="module")
def api_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with emulated_github(tmp_path_factory.mktemp("emulate"), SEED) as url:
        yield url


@pytest.fixture
def client(api_url: str) -> Iterator[GithubClient]:
    server = GithubServer(api_url, api_url)
    with GithubClient(server, SecretStr(TOKEN), SystemClock()) as client:
        yield client


async def test_the_account_of_the_token_is_found(client: GithubClient) -> None:
    assert await client.login() == "octo"


async def test_a_repository_and_its_commits_are_found(client: GithubClient) -> None:
    found = await client.repository("octo/hello")
    assert (found.full_name, found.default_branch) == ("octo/hello", "main")
    assert (found.is_private, found.may_push) == (False, True)
    head = await client.named(found, (), None)
    assert re.fullmatch(r"[0-9a-f]{40}", head.commit)
    assert (head.ref, head.folder) == ("main", "")
    below = await client.named(found, ("main", "src", "app"), None)
    assert below == replace(head, folder="src/app")
    by_name = await client.named(found, (), head.commit)
    assert by_name.commit == head.commit


async def test_what_is_not_there_is_said(client: GithubClient) -> None:
    with pytest.raises(RepositoryNotFound):
        await client.repository("octo/none")
    found = await client.repository("octo/hello")
    with pytest.raises(NoSuchBranch):
        await client.named(found, (), "no-such-branch")


async def test_a_repository_is_made_once(client: GithubClient) -> None:
    make = partial(client.create, login="octo", is_private=True, description="Made by a test")
    made = await make("octo/made")
    assert (made.full_name, made.is_private) == ("octo/made", True)
    assert (await client.repository("octo/made")).may_push
    with pytest.raises(RefusedByGithub, match="already exists"):
        await make("octo/made")
    with pytest.raises(NoAccess):  # they are no member of it
        await client.create("corp/made", login="octo", is_private=False, description="")


async def test_an_export_makes_the_repository_and_pushes(site: Site, api_url: str) -> None:
    site.api_url = api_url
    project_id = (await site.store.projects.create(owner=site.owner, name="P")).project_id
    await site.store.files.write(project_id, "a.txt", b"a\n", owner=site.owner)
    site.github.repositories.make("octo/exported")
    ended = await site.exported(project_id, "exported", mayCreate=True, mustCreate=True)
    assert (ended.status, ended.error) == ("completed", None)
    assert site.github.repositories.git("octo/exported", "show", "main:a.txt") == "a"
