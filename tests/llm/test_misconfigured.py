"""A wrong base URL is told from a wrong key, a wrong model and a provider that is down."""

import pytest

from llm.faults import Misconfigured, ModelUnauthorized, ModelUnknown, Overloaded, Unreachable
from llm.retry import Patience
from tests.support.provider import Answer, said, wire_server
from tests.support.scripted_model import ADAPTERS, ask, model_at

pytestmark = pytest.mark.parametrize("protocol", sorted(ADAPTERS))

PAGE = "<!doctype html><html><head><title>Welcome</title></head><body>Hello</body></html>"
HTML = {"Content-Type": "text/html; charset=utf-8"}
ONCE = Patience(attempts=2, first_s=0.01, idle_s=5)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(PAGE.encode(), 200, HTML), Misconfigured),
        (Answer(PAGE.encode(), 404, HTML), Misconfigured),
        (Answer(PAGE.encode(), 403, HTML), Misconfigured),
        (Answer(PAGE.encode(), 404, {"Content-Type": "text/plain"}), Misconfigured),
        (Answer(b"hello", 200, {"Content-Type": "text/plain"}), Misconfigured),
        (said(200, {"status": "ok"}), Misconfigured),
        (said(404, {"detail": "Not Found"}), Misconfigured),
        (said(404, "404 page not found"), Misconfigured),
        (said(404, ""), Misconfigured),
        (said(405, {"detail": "Method Not Allowed"}), Misconfigured),
        (said(404, {"error": {"message": "The model `x` does not exist"}}), ModelUnknown),
        (said(401, {"error": {"message": "bad key"}}), ModelUnauthorized),
    ],
)
async def test_it_is_refused_at_once_and_says_what_is_wrong(
    protocol: str, answer: Answer, error: type[Exception]
) -> None:
    async with wire_server(answer) as server, model_at(protocol, server.url, ONCE) as model:
        with pytest.raises(error) as caught:
            await anext(model.stream(ask()))
    assert type(caught.value) is error
    assert len(server.requests) == 1
    assert "Hello" not in str(caught.value)


async def test_a_page_of_a_gateway_that_is_down_passes(protocol: str) -> None:
    answer = Answer(PAGE.encode(), 503, HTML)
    async with wire_server(answer) as server, model_at(protocol, server.url, ONCE) as model:
        with pytest.raises(Overloaded):
            await anext(model.stream(ask()))
    assert len(server.requests) == 2


async def test_https_where_http_is_spoken_is_a_wrong_url(protocol: str) -> None:
    async with wire_server(Answer()) as server:
        url = server.url.replace("http:", "https:")
        async with model_at(protocol, url, ONCE) as model:
            with pytest.raises(Misconfigured, match="check the base URL"):
                await anext(model.stream(ask()))


async def test_nobody_at_the_port_may_pass(protocol: str) -> None:
    async with model_at(protocol, "http://127.0.0.1:9", ONCE) as model:
        with pytest.raises(Unreachable, match="connection"):
            await anext(model.stream(ask()))


async def test_a_stream_without_any_event_is_no_answer(protocol: str) -> None:
    async with wire_server(Answer()) as server, model_at(protocol, server.url, ONCE) as model:
        with pytest.raises(Unreachable):
            await anext(model.stream(ask()))
