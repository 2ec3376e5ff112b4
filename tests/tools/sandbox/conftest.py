from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tools.sandbox.sandbox import Sandbox


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as opened:
        if opened.kind is None:
            pytest.skip("this machine has no user namespaces and no Landlock")
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "project"
    made.mkdir()
    return made
