"""One GitHub a test, and where it is used from."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from core.ids import OwnerId
from store import Store
from tests.jobs.github.site import TOKEN, Site
from tests.support.github import GithubStandIn, github_stand_in


@pytest.fixture
def github(tmp_path: Path) -> Iterator[GithubStandIn]:
    with github_stand_in(tmp_path / "github") as github:
        github.users[TOKEN] = "octo"
        yield github


@pytest.fixture
def site(store: Store, owner: OwnerId, tmp_path: Path, github: GithubStandIn) -> Site:
    return Site(store, owner, tmp_path, github)


@pytest.fixture
async def working(site: Site) -> AsyncIterator[Site]:
    """The same with one worker for all of the test."""
    async with site.worker():
        yield site
