from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tools.sandbox.sandbox import KINDS, Sandbox


@pytest.fixture(params=KINDS)
async def sandbox(request: pytest.FixtureRequest) -> AsyncIterator[Sandbox]:
    async with Sandbox(kinds=[request.param]) as opened:
        if opened.kind is None:
            pytest.skip(f"this machine has no {request.param}")
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "project"
    made.mkdir()
    return made
