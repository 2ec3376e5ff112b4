"""What the model does wrong, and what the person gets to see of it."""

import pytest

from tests.e2e.conftest import As, Broken, StartProduct
from tests.support.api_client import Api

pytestmark = pytest.mark.timeout(90)


async def answer_to(api: Api, text: str) -> dict[str, object]:
    sent = await api.send(await api.conversation(), text)
    return await api.until_final(sent["messageId"])


@pytest.mark.parametrize("what", ["busy", "overloaded", "breaks", "dropped", "early"])
async def test_a_passing_fault_is_not_seen(product: Broken, client_of: As, what: str) -> None:
    answer = await answer_to(await client_of(product), what)
    assert (answer["status"], answer["content"]) == ("completed", "All is well.")


@pytest.mark.parametrize(
    ("what", "code", "words"),
    [("key", "model_unauthorized", "API key"), ("rejected", "model_refused", "rejected")],
)
async def test_a_lasting_fault_is_said_in_words(
    product: Broken, client_of: As, what: str, code: str, words: str
) -> None:
    answer = await answer_to(await client_of(product), what)
    assert (answer["status"], answer["errorCode"]) == ("failed", code)
    assert words in str(answer["error"])
    assert "sk-ant" not in str(answer["error"])


async def test_a_model_that_is_down_fails_the_answer(
    start_product: StartProduct, client_of: As
) -> None:
    product = start_product(ANTHROPIC_BASE_URL="http://127.0.0.1:9", POLARIS_MODEL_PATIENCE_S="2")
    answer = await answer_to(await client_of(product), "hello")
    assert (answer["status"], answer["errorCode"]) == ("failed", "unreachable")
    assert "could not be reached" in str(answer["error"])


async def test_a_model_that_hangs_is_given_up_and_its_text_is_kept(
    start_product: StartProduct, client_of: As
) -> None:
    product = start_product(POLARIS_MODEL_IDLE_S="1", POLARIS_MODEL_PATIENCE_S="2")
    answer = await answer_to(await client_of(product), "hangs")
    assert (answer["status"], answer["errorCode"]) == ("failed", "model_stream_broken")
    assert str(answer["content"]).startswith("Sentence 0 says")


async def test_a_model_that_hangs_can_be_cancelled(product: Broken, client_of: As) -> None:
    api = await client_of(product)
    sent = await api.send(await api.conversation(), "hangs")
    shown = await api.until_streaming(sent["messageId"])
    await api.ok("POST", "/api/messages/cancel", {"messageId": sent["messageId"]})
    answer = await api.message(sent["messageId"])
    assert answer["status"] == "cancelled"
    assert answer["content"].startswith(shown)


async def test_without_any_key_the_answer_says_what_to_set(
    start_product: StartProduct, client_of: As
) -> None:
    product = start_product(ANTHROPIC_API_KEY="")
    answer = await answer_to(await client_of(product), "hello")
    assert answer["status"] == "failed"
    assert "key" in str(answer["error"])
