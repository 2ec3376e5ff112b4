"""Front ends A and J, unchanged: every call of theirs is answered in the shape that they read."""

from collections.abc import AsyncGenerator, Mapping

import pytest
import pytest_asyncio

from tests.contracts.front_ends import convex_calls, http_calls
from tests.contracts.front_ends.convex_calls import Call
from tests.contracts.front_ends.page import Page
from tests.contracts.front_ends.served import page_of

pytestmark = pytest.mark.timeout(200)  # it starts the product for each of them

CALLS: Mapping[str, Mapping[str, Call]] = {
    "a": {**convex_calls.A, **http_calls.A},
    "j": {**convex_calls.J, **http_calls.J},
}


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=CALLS)
async def page(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[tuple[str, Page]]:
    name: str = request.param
    async with page_of(name, tmp_path_factory.mktemp(f"front-{name}")) as page:
        yield name, page


def test_the_calls_are_as_many_as_were_found() -> None:
    assert (len(convex_calls.A), len(http_calls.A)) == (19, 9)
    assert (len(convex_calls.J), len(http_calls.J)) == (21, 14)


@pytest.mark.asyncio(loop_scope="module")
async def test_every_call_is_answered_in_its_shape(page: tuple[str, Page]) -> None:
    name, it = page
    for path, call in CALLS[name].items():
        try:
            await call(it)
        except AssertionError as fault:
            raise AssertionError(f"{name}: {path}") from fault
