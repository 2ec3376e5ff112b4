"""Budgets as the operator sets them: for an answer, and for a person's day."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support.api_client import Api, api_at
from tests.support.product import Program, disposable

pytestmark = pytest.mark.timeout(60)  # the first test starts the product


@pytest.fixture(scope="module")
def bounded(
    local_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Program]:
    env = {**local_env, "POLARIS_ANSWER_BUDGET_TOKENS": "1", "POLARIS_DAY_BUDGET_USD": "0.005"}
    with disposable(["dev"], folder=tmp_path_factory.mktemp("bounded"), env=env) as program:
        yield program


@pytest.fixture
async def person(bounded: Program) -> AsyncIterator[Api]:
    async with api_at(bounded.ready["api"], "local", bounded.ready["token"]) as person:
        yield person


async def test_an_answer_and_then_the_day_are_used_up(person: Api) -> None:
    project = await person.project()
    conversation = await person.conversation(project)
    answer = await person.until_final(
        (await person.send(conversation, "write the file"))["messageId"]
    )
    assert (answer["status"], answer["endedEarly"]) == ("completed", "answer_budget")
    assert "“continue”" in answer["content"]
    assert await person.ok("GET", f"/api/projects/{project}/files/made.txt") == b"by me\n"
    answer = await person.until_final((await person.send(conversation, "continue"))["messageId"])
    assert (answer["status"], answer["endedEarly"]) == ("completed", "day_budget")
    assert "tomorrow" in answer["content"]


async def test_a_budget_that_is_none_stops_the_start(
    local_env: dict[str, str], tmp_path: Path
) -> None:
    with (
        pytest.raises(Exception, match="POLARIS_DAY_BUDGET_TOKENS"),
        disposable(["dev"], folder=tmp_path, env={**local_env, "POLARIS_DAY_BUDGET_TOKENS": "-1"}),
    ):
        pass
