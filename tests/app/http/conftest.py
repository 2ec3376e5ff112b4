"""The product of one local user, with a GitHub of our own: started when a module asks for it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support.api_client import Api, local_user
from tests.support.github import GithubStandIn, github_stand_in
from tests.support.product import Program, disposable, environment

TOKEN = "ghp_0123456789abcdefSECRETTOKEN01234567"  # noqa: S105 - of nobody


@pytest.fixture(scope="module")
def github(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GithubStandIn]:
    with github_stand_in(tmp_path_factory.mktemp("github")) as github:
        github.users[TOKEN] = "octo"
        yield github


@pytest.fixture(scope="module")
def local_env(github: GithubStandIn, model_url: str) -> dict[str, str]:
    return environment(
        POLARIS_PORT="0",
        POLARIS_DATA_DIR="data",
        POLARIS_GRACE_S="1",
        ANTHROPIC_API_KEY="sk-ant-scripted-0000",
        ANTHROPIC_BASE_URL=model_url,
        GITHUB_TOKEN=TOKEN,
        GITHUB_SERVER_URL=github.url,
        GITHUB_API_URL=github.api_url,
    )


@pytest.fixture(scope="module")
def local_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("local")


@pytest.fixture(scope="module")
def local(local_env: dict[str, str], local_folder: Path) -> Iterator[Program]:
    """The product of one local user, whose token is a setting."""
    with disposable(["dev"], folder=local_folder, env=local_env) as program:
        yield program


@pytest.fixture
async def user(local: Program) -> AsyncIterator[Api]:
    async with local_user(local) as user:
        yield user
