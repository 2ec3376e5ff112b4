from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.embedded_convex.api import Api, serving


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    """One embedded Convex for a whole module; tests use lists and kinds of their own."""
    data = tmp_path_factory.mktemp("convex") / "data.sqlite"
    async with serving("basic", data, env={"GREETING": "hello"}) as (_, api):
        yield api
