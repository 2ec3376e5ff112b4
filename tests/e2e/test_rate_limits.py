"""A provider that limits the rate is waited for: people see it, and a kill changes nothing."""

import asyncio
from pathlib import Path

import aiohttp
import pytest

from tests.e2e.conftest import As, StartProduct
from tests.support.api_client import POLL_S, Api, local_user
from tests.support.product import Program, environment, running, start

pytestmark = pytest.mark.timeout(120)

ASKED_S = 6.0  # as the scenario says


async def waiting(api: Api, message_id: str) -> dict[str, object]:
    """The message, once it says that it waits."""
    while True:
        message = await api.message(message_id)
        assert message["status"] == "processing", message
        if "waitingUntil" in message:
            return message
        await asyncio.sleep(POLL_S)


async def asked_at(model: Program, text: str) -> list[float]:
    url = f"{model.ready['url']}/__scripted/requests"
    async with aiohttp.ClientSession() as http, http.get(url) as response:
        requests = (await response.json())["requests"]
    return [one["started_at"] for one in requests if text in str(one["body"]["messages"])]


async def test_a_wait_is_shown_survives_a_kill_and_ends_in_the_answer(
    model: Program, tmp_path: Path
) -> None:
    env = environment(
        POLARIS_PORT="0",
        POLARIS_DATA_DIR="data",
        ANTHROPIC_API_KEY="sk-ant-scripted",
        ANTHROPIC_BASE_URL=model.ready["url"],
    )
    text = "limited, killed"
    first = start(["dev"], folder=tmp_path, env=env)
    try:
        async with local_user(first) as api:
            sent = await api.send(await api.conversation(), text)
            await waiting(api, sent["messageId"])
    finally:
        first.kill()
    with running(["dev"], folder=tmp_path, env=env) as second:
        async with local_user(second) as api:
            answer = await api.until_final(sent["messageId"])
    assert (answer["status"], answer["content"]) == ("completed", "All is well.")
    assert "waitingUntil" not in answer
    refused, asked = await asked_at(model, text)
    assert asked - refused >= ASKED_S


async def test_a_wait_for_an_hour_can_not_be_waited_out_and_the_person_is_told(
    start_product: StartProduct, client_of: As
) -> None:
    product = start_product()  # the limit is the process's: nobody is answered there for a while
    api = await client_of(product)
    sent = await api.send(await api.conversation(), "an hour")
    answer = await api.until_final(sent["messageId"])
    assert (answer["status"], answer["errorCode"]) == ("failed", "rate_limited")
    assert " UTC on " in answer["error"]
    assert len(await asked_at(product.model, "an hour")) == 1
