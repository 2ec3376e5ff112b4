"""Where the tests of this folder make projects; one sandbox for all of them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.ids import OwnerId
from store import Store
from tests.jobs.generate.site import Site
from tools.sandbox.sandbox import Sandbox


@pytest.fixture
async def site(store: Store, owner: OwnerId, tmp_path: Path) -> AsyncIterator[Site]:
    async with Sandbox(scratch=tmp_path) as sandbox:
        yield Site(store, owner, tmp_path, sandbox)
