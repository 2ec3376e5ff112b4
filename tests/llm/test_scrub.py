"""A provider's words in logs and errors hold no key and no body."""

import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import Refused, Transient
from llm.retry import Patience
from llm.scrub import QUOTED_CHARS, quoted
from tests.support.provider import events, said, wire_server
from tests.support.scripted_model import ADAPTERS, API_KEY, ask, model_at


@pytest.mark.parametrize(
    "secret",
    [
        "sk-ant-api03-abcDEF123_456-xyz",
        "sk-proj-****abcd1234",
        "csk-0123456789abcdef",
        "gsk_0123456789abcdef",
        "AIzaSyA0123456789abcdefghij",
        "AKIAIOSFODNN7EXAMPLE",
        "Bearer abc.def",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
        "0123456789abcdef0123456789abcdef01234567",
    ],
)
def test_keys_of_each_kind_are_hidden(secret: str) -> None:
    text = quoted(f"Incorrect key provided: {secret}. See the docs.")
    assert secret.removeprefix("Bearer ") not in text
    assert text.startswith("Incorrect key provided: ")
    assert text.endswith("See the docs.")


def test_a_url_keeps_no_password() -> None:
    assert "hunter2" not in quoted("cannot reach http://me:hunter2@host/v1")


@pytest.mark.parametrize(
    "body",
    [
        '{"role": "user", "content": "the plan of the merger, which nobody may know of yet"}',
        "[{'role': 'user', 'content': {'text': 'the plan of the merger, which nobody knows'}}]",
        '"the plan of the merger, which nobody outside of this room may know of yet"',
    ],
)
def test_bodies_are_cut_out(body: str) -> None:
    text = quoted(f"messages.0: invalid input, got {body} here")
    assert "merger" not in text
    assert text.startswith("messages.0: invalid input, got ")


def test_a_web_page_is_its_words() -> None:
    page = "<html><head><style>p{color:red}</style></head><body><h1>502 Bad Gateway</h1></body>"
    assert quoted(page) == "502 Bad Gateway"


@pytest.mark.parametrize(
    "text",
    [
        "messages.1.content.0.thinking: Invalid `signature` in `thinking` block",
        "tools.0.custom.input_schema: JSON schema is invalid, see draft 2020-12",
        "model claude-opus-5-5-20260901-with-a-long-name is not available",
        'Unsupported parameter: "reasoning_effort"',
    ],
)
def test_what_names_the_fault_stays(text: str) -> None:
    assert quoted(text) == text


@settings(deadline=None)
@given(st.text(max_size=3_000))
def test_any_text_becomes_one_short_line(text: str) -> None:
    line = quoted(text)
    assert len(line) <= QUOTED_CHARS + 1
    assert "\n" not in line


@pytest.mark.parametrize("protocol", sorted(ADAPTERS))
@pytest.mark.parametrize("status", [400, 401, 404, 429, 500])
async def test_neither_logs_nor_errors_hold_what_the_provider_repeats(
    protocol: str, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Some providers quote the request, the key included."""
    message = f'bad key {API_KEY} in {{"content": "{"private words " * 20}"}}'
    caplog.set_level(logging.INFO)
    async with (
        wire_server(said(status, {"error": {"message": message}})) as server,
        model_at(protocol, server.url, Patience(attempts=2, first_s=0.01)) as model,
    ):
        with pytest.raises((Refused, Transient)) as caught:
            await anext(model.stream(ask("private words")))
    shown = [str(caught.value), *(str(vars(record)) for record in caplog.records)]
    assert not any(API_KEY in text or "private words" in text for text in shown)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("protocol", sorted(ADAPTERS))
async def test_a_fault_within_the_stream_is_scrubbed_too(
    protocol: str, caplog: pytest.LogCaptureFixture
) -> None:
    error = {"type": "error", "error": {"type": "x", "message": f"bad {API_KEY}"}}
    caplog.set_level(logging.INFO)
    async with (
        wire_server(events(protocol, [error])) as server,
        model_at(protocol, server.url, Patience(attempts=2, first_s=0.01)) as model,
    ):
        with pytest.raises(Transient) as caught:
            await anext(model.stream(ask()))
    assert API_KEY not in str(caught.value)
    assert not any(API_KEY in str(vars(record)) for record in caplog.records)
