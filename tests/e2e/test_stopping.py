"""SIGTERM in the middle of an answer: the process ends soon, the answer goes on with the next."""

import time

import pytest

from tests.e2e.conftest import NUMBERED
from tests.support.api_client import local_user
from tests.support.product import Program, environment, running

pytestmark = pytest.mark.timeout(120)


async def test_an_answer_under_way_is_handed_over(
    model: Program, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("stopping")
    env = environment(
        POLARIS_PORT="0",
        POLARIS_DATA_DIR="data",
        POLARIS_GRACE_S="0.5",
        ANTHROPIC_API_KEY="sk-ant-scripted",
        ANTHROPIC_BASE_URL=model.ready["url"],
    )
    with running(["dev"], folder=folder, env=env) as first:
        async with local_user(first) as api:
            sent = await api.send(await api.conversation(), "long")
            await api.until_streaming(sent["messageId"])
        begun = time.monotonic()
        assert first.stop() == 0
        assert time.monotonic() - begun < 15
    with running(["dev"], folder=folder, env=env) as second:
        async with local_user(second) as api:
            answer = await api.until_final(sent["messageId"])
    assert (answer["status"], answer["content"]) == ("completed", NUMBERED)
