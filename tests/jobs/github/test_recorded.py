"""Every refusal that GitHub's documentation describes becomes a class of ours, and words."""

from collections.abc import Awaitable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from core.clock import SystemClock
from engine import RunError
from jobs.github.accounts import GithubServer
from jobs.github.client import GithubClient
from jobs.github.problems import GithubAway, LimitReached
from jobs.transfers import failure_words
from tests.jobs.github.site import TOKEN, Site
from tests.support.github import File, GithubStandIn, github_stand_in
from tests.support.github.recorded import names, recorded

pytestmark = pytest.mark.timeout(120)

REFUSED = {
    "app-restrictions": ("no_access", "only when one of its owners approves"),
    "bad-credentials": ("github_unauthorized", "Please reconnect your GitHub account"),
    "blocked": ("refused_by_github", "GitHub has blocked the repository octo/a (dmca)"),
    "blocked-terms": ("refused_by_github", "GitHub has blocked the repository octo/a (tos)"),
    "empty-repository": ("empty_repository", "there is no commit to import yet"),
    "name-taken": ("refused_by_github", "name already exists on this account"),
    "no-permission": ("no_access", "may not create octo/new. Its token may lack a permission"),
    "no-such-commit": ("no_such_branch", "has no branch, tag or commit 'nope'"),
    "not-found": ("repository_not_found", "the connected account may not see it"),
    "requires-authentication": ("github_unauthorized", "Please reconnect your GitHub account"),
    "single-sign-on": ("no_access", "wants single sign-on: authorize the token"),
}
LIMITED = {  # seconds from now; None: the time that x-ratelimit-reset says
    "abuse": 60,
    "abuse-creation": 60,
    "primary-limit": None,
    "primary-limit-429": None,
    "primary-limit-anonymous": None,
    "secondary-limit": 60,
    "secondary-limit-429": 120,
    "secondary-limit-no-time": 60,
}
AWAY = ("bad-gateway", "server-error", "too-slow", "unavailable")
RESET = datetime(2100, 1, 1, 0, 0, 1, tzinfo=UTC)  # a second later: it is told in whole ones


@pytest.fixture(scope="module")
def github(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GithubStandIn]:
    with github_stand_in(tmp_path_factory.mktemp("github")) as github:
        github.users[TOKEN] = "octo"
        github.repositories.make("octo/a")
        github.repositories.commit("octo/a", [File(b"a", b"a\n")])
        yield github


@pytest.fixture
def client(github: GithubStandIn) -> Iterator[GithubClient]:
    server = GithubServer(github.url, github.api_url)
    with GithubClient(server, SecretStr(TOKEN), SystemClock()) as client:
        yield client


async def asked(client: GithubClient, github: GithubStandIn, name: str) -> object:
    """What comes of the request that the answer is to, once it is given."""
    answer = recorded(name)
    method, _, path = answer.request.partition(" ")
    call: Awaitable[Any]
    if method == "POST":
        call = client.create("octo/new", login="octo", is_private=True, description="")
    elif "/commits/" in path:
        repository = await client.repository("octo/a")
        call = client.named(repository, (), None if answer.status == 409 else "nope")
    else:
        call = client.repository("octo/a")
    github.faults.append(answer.fault(f"{method} /api/v3/"))
    return await call


def test_every_recorded_answer_is_held_against_our_words() -> None:
    assert sorted([*REFUSED, *LIMITED, *AWAY]) == names()


@pytest.mark.parametrize("name", REFUSED)
async def test_a_refusal_has_a_code_and_words_for_people(
    client: GithubClient, github: GithubStandIn, name: str
) -> None:
    code, words = REFUSED[name]
    with pytest.raises(Exception) as refused:  # noqa: PT011 - the class is not what people see
        await asked(client, github, name)
    error = refused.value
    told = RunError(type(error).__name__, str(error), "resolve", getattr(error, "code", None))
    assert failure_words(told) == (code, str(error))
    assert words in str(error)
    assert TOKEN not in str(error)


@pytest.mark.parametrize("name", LIMITED)
async def test_a_limit_says_until_when(
    client: GithubClient, github: GithubStandIn, name: str
) -> None:
    wait_s = LIMITED[name]
    before = SystemClock().now()
    with pytest.raises(LimitReached) as limit:
        await asked(client, github, name)
    if wait_s is None:
        assert limit.value.until == RESET
    else:
        late = limit.value.until - before - timedelta(seconds=wait_s)
        assert timedelta(0) <= late < timedelta(seconds=30)


@pytest.mark.parametrize("name", AWAY)
async def test_a_fault_of_githubs_own_is_tried_again(
    client: GithubClient, github: GithubStandIn, name: str
) -> None:
    with pytest.raises(GithubAway):
        await asked(client, github, name)
    assert (await client.repository("octo/a")).full_name == "octo/a"


async def test_what_github_refuses_stands_on_the_transfer(site: Site) -> None:
    told = ("blocked", "single-sign-on", "app-restrictions", "not-found")
    for name in told:
        site.github.faults.append(recorded(name).fault(f"/repos/octo/{name}"))
    async with site.worker() as engine:
        projects = {name: await site.ask_import(engine, f"octo/{name}") for name in told}
        for name, project_id in projects.items():
            ended = await site.ended(project_id)
            code, words = REFUSED[name]
            assert (ended.status, ended.error_code) == ("failed", code)
            assert words.replace("octo/a", f"octo/{name}") in (ended.error or "")
