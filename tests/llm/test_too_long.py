"""Each provider's way to say that a request is too long is understood, and asked about once."""

import json
from pathlib import Path
from typing import Any

import pytest

from llm.faults import ModelRefused, PromptTooLong
from llm.providers import PROVIDERS, Provider
from llm.too_long import PHRASES, says_too_long
from tests.support.provider import said, wire_server
from tests.support.scripted_model import ADAPTERS, ask, model_at

CASES = json.loads((Path(__file__).parent / "too_long.json").read_text())


@pytest.mark.parametrize("protocol", sorted(ADAPTERS))
@pytest.mark.parametrize("case", CASES, ids=[case["provider"] for case in CASES])
async def test_it_is_too_long_and_not_sent_again(protocol: str, case: dict[str, Any]) -> None:
    """With both adapters: a gateway may speak either protocol in front of any model."""
    async with (
        wire_server(said(case["status"], case["body"])) as server,
        model_at(protocol, server.url) as model,
    ):
        with pytest.raises(PromptTooLong, match="no longer fits"):
            await anext(model.stream(ask()))
    assert len(server.requests) == 1


def test_each_provider_with_words_of_its_own_has_a_case() -> None:
    covered = {case["provider"].partition(",")[0] for case in CASES}
    assert {name for name, phrases in PHRASES.items() if phrases} <= covered


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.name)
def test_all_words_of_an_entry_stand_in_an_answer(provider: Provider) -> None:
    answers = [json.dumps(case["body"], ensure_ascii=False).lower() for case in CASES]
    said = {phrase for phrase in provider.too_long if any(phrase in each for each in answers)}
    assert said == set(provider.too_long)


@pytest.mark.parametrize(
    "text",
    [
        "max_tokens: 500000 > 128000, which is the maximum allowed number of output tokens",
        "tools.0.name: String should have at most 64 characters",
        "This request would exceed your organization's rate limit of 30,000 input tokens",
        "messages: at least one message is required",
    ],
)
async def test_other_refusals_are_not_too_long(text: str) -> None:
    assert not says_too_long(400, frozenset({"invalid_request_error"}), text)
    async with (
        wire_server(
            said(400, {"error": {"type": "invalid_request_error", "message": text}})
        ) as server,
        model_at("anthropic", server.url) as model,
    ):
        with pytest.raises(ModelRefused) as caught:
            await anext(model.stream(ask()))
    assert type(caught.value) is ModelRefused
