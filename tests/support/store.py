"""One embedded Convex with the product's functions for the session; a new owner for each test."""

import json
import subprocess
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.ids import OwnerId, new_id
from core.node import NODE
from embedded_convex.process import MAIN
from store import Store

ROOT = Path(__file__).parents[2]
KEY = "test-internal-key-test-internal-key-0123456"


@contextmanager
def convex_in(folder: Path) -> Generator[str]:
    """An embedded Convex with the product's functions, whose data are in the folder; its URL."""
    arguments = ["--dir", str(ROOT / "convex"), "--data", str(folder / "data.sqlite")]
    with (folder / "log").open("wb") as log:
        program = subprocess.Popen(  # noqa: S603 - our own program
            [NODE, "--disable-warning=ExperimentalWarning", MAIN, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env={"POLARIS_CONVEX_INTERNAL_KEY": KEY, "CONVEX_ADMIN_KEY": "admin"},
        )
    try:
        assert program.stdout is not None
        line = program.stdout.readline()
        assert line, (folder / "log").read_text()
        yield json.loads(line)["url"]
    finally:
        program.terminate()
        program.wait(15)
        for pipe in (program.stdin, program.stdout):
            if pipe is not None:
                pipe.close()


@pytest.fixture(scope="session")
def convex_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with convex_in(tmp_path_factory.mktemp("convex")) as url:
        yield url


@pytest.fixture
async def store(convex_url: str) -> AsyncIterator[Store]:
    async with Store(convex_url, internal_key=KEY) as store:
        yield store


@pytest.fixture
def owner() -> OwnerId:
    return OwnerId(new_id("user"))
