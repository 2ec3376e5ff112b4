"""Images of results are sent to models that see, as each protocol has them."""

from dataclasses import replace
from typing import Any

import pytest

from core.ids import ToolCallId
from llm import anthropic_request, openai_request
from llm.catalog import ModelFacts
from llm.model import (
    UNSEEN,
    AssistantMessage,
    Image,
    ModelRequest,
    TextPart,
    ToolCall,
    ToolResult,
    UserMessage,
)
from llm.providers import ANTHROPIC, OPENAI

SEES = ModelFacts(context_window=9, max_output_tokens=9, sees=True)
BLIND = ModelFacts(context_window=9, max_output_tokens=9)
PNG = Image("image/png", "aGVsbG8=")
CALLS = (ToolCall(ToolCallId("c1"), "readFile", {}), ToolCall(ToolCallId("c2"), "readFile", {}))


def request(*, is_error: bool = False) -> ModelRequest:
    results = (
        ToolResult(ToolCallId("c1"), "a PNG image", is_error, images=(PNG,)),
        ToolResult(ToolCallId("c2"), "plain"),
    )
    return ModelRequest(
        "",
        (
            UserMessage((TextPart("Look."),)),
            AssistantMessage(CALLS),
            UserMessage((*results, TextPart("Go on."))),
        ),
    )


def of_anthropic(asked: ModelRequest, facts: ModelFacts) -> list[Any]:
    body = anthropic_request.request_body(asked, model="m", facts=facts, provider=ANTHROPIC)
    return body["messages"][2]["content"]


def of_openai(asked: ModelRequest, facts: ModelFacts) -> list[Any]:
    body = openai_request.request_body(asked, model="m", facts=facts, provider=OPENAI)
    return body["messages"][2:]


def test_anthropic_has_them_in_the_result() -> None:
    first, second, *_ = of_anthropic(request(), SEES)
    source = {"type": "base64", "media_type": "image/png", "data": "aGVsbG8="}
    assert first["content"] == [
        {"type": "text", "text": "a PNG image"},
        {"type": "image", "source": source},
    ]
    assert second["content"] == "plain"


def test_openai_has_them_in_the_message_after_the_results() -> None:
    first, second, user = of_openai(request(), SEES)
    assert (first["content"], second["content"]) == ("a PNG image", "plain")
    assert user == {
        "role": "user",
        "content": [
            {"type": "text", "text": "Images of the result of c1:"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGVsbG8="}},
            {"type": "text", "text": "Go on."},
        ],
    }


@pytest.mark.parametrize("sent", [of_anthropic, of_openai], ids=["anthropic", "openai"])
def test_a_model_that_does_not_see_gets_the_text_and_so_does_an_error(sent: Any) -> None:
    plain = request()
    message = plain.messages[2]
    assert isinstance(message, UserMessage)
    parts = tuple(replace(p, images=()) if isinstance(p, ToolResult) else p for p in message.parts)
    without = replace(plain, messages=(*plain.messages[:2], UserMessage(parts)))
    assert sent(plain, BLIND) == sent(without, SEES) == sent(without, BLIND)
    assert "aGVsbG8=" not in str(sent(request(is_error=True), SEES))


ATTACHED = ModelRequest(
    "", (UserMessage((PNG, TextPart("See?"))), AssistantMessage((TextPart("Yes."),)))
)


def test_an_image_of_the_person_stands_where_they_put_it() -> None:
    body = anthropic_request.request_body(ATTACHED, model="m", facts=SEES, provider=ANTHROPIC)
    image, text = body["messages"][0]["content"]
    source = {"type": "base64", "media_type": "image/png", "data": "aGVsbG8="}
    assert image == {"type": "image", "source": source}
    assert text["text"] == "See?"
    chat = openai_request.request_body(ATTACHED, model="m", facts=SEES, provider=OPENAI)
    assert chat["messages"][0]["content"] == [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGVsbG8="}},
        {"type": "text", "text": "See?"},
    ]


def test_a_model_that_does_not_see_is_told_that_it_cannot() -> None:
    body = anthropic_request.request_body(ATTACHED, model="m", facts=BLIND, provider=ANTHROPIC)
    assert [block["text"] for block in body["messages"][0]["content"]] == [UNSEEN, "See?"]
    chat = openai_request.request_body(ATTACHED, model="m", facts=BLIND, provider=OPENAI)
    assert chat["messages"][0]["content"] == f"{UNSEEN}\n\nSee?"
