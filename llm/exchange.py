"""One request to a provider and its streamed answer: what the adapters have in common."""

import asyncio
import json
import logging
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing
from dataclasses import dataclass
from typing import Protocol, cast

import aiohttp
import httpx2

from core.clock import Clock
from core.usage import Usage
from llm.catalog import ModelFacts
from llm.crowd import Crowd
from llm.faults import StreamBroken
from llm.judging import Fault, fault_of_response, raised_by
from llm.merging import merged
from llm.model import ModelEvent, Turn, TurnEnded
from llm.odd import Json, objects_in
from llm.providers import Provider
from llm.reading import Limits, Silence, within
from llm.scrub import quoted
from llm.sse import FRAME_BYTES, Frame, FrameTooLarge, frames_of
from llm.wire import Response

log = logging.getLogger(__name__)

_PING = "ping"
DONE = "[DONE]"  # the name under which a reading gets the end mark of Chat Completions


class Reading(Protocol):
    """An answer so far, built from the objects of its stream."""

    @property
    def is_over(self) -> bool:
        """Whether the provider has said that the answer is complete."""
        ...

    @property
    def rest_s(self) -> float:
        """How long what may follow the end is waited for."""
        ...

    def take(self, name: str, said: Json) -> list[ModelEvent]:
        """Add one object; gives what the caller should see. Raises: Said."""
        ...

    def rest(self) -> list[ModelEvent]:
        """What was held back and is now known to be text; once, after the last object."""
        ...

    def finished(self) -> Turn:
        """The turn, without calls that are not whole."""
        ...

    @property
    def usage(self) -> Usage:
        """What the provider has said so far that the answer takes."""
        ...


class Said(Exception):
    """The provider reports a fault within its stream."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.text)
        self.fault = fault


class StatusError(Protocol):
    """Either SDK's exception for an HTTP error."""

    status_code: int
    body: object | None

    @property
    def response(self) -> httpx2.Response:
        """With its headers."""
        ...


@dataclass(frozen=True)
class Sdk:
    """The exceptions of an SDK."""

    error: type[Exception]
    status_error: type[Exception]

    def status_error_of(self, status: int, headers: Mapping[str, str], body: object) -> Exception:
        """What the SDK raises for an HTTP error; the body is JSON that was read, or a text."""
        asked = httpx2.Request("POST", "http://recorded.invalid")
        response = httpx2.Response(status, headers=dict(headers), request=asked)
        make = cast("Callable[..., Exception]", self.status_error)
        return make("an HTTP error", response=response, body=body)


@dataclass(frozen=True)
class Judge:
    """Turns what goes wrong with a request to `model` into errors of the port."""

    model: str
    clock: Clock
    provider: Provider

    def fault_of(self, error: Exception) -> Fault:
        """The fault that an SDK's exception for an HTTP error tells of."""
        said = cast("StatusError", error)
        return fault_of_response(
            status=said.status_code,
            headers=said.response.headers,
            body=said.body,
            now=self.clock.now(),
            wait_headers=self.provider.wait_headers,
        )

    def error(self, fault: Fault, *, yielded: bool) -> Exception:
        """What to raise; `yielded`: some of the answer is with the caller."""
        return raised_by(
            fault,
            model=self.model,
            yielded=yielded,
            now=self.clock.now(),
            too_long=self.provider.too_long,
        )


async def exchanged(  # noqa: PLR0913 - what an adapter knows, one argument each
    request: AbstractAsyncContextManager[Response],
    reading: Reading,
    *,
    facts: ModelFacts,
    limits: Limits,
    judge: Judge,
    sdk: Sdk,
    crowd: Crowd,
) -> AsyncGenerator[ModelEvent, None]:
    """The events of the answer to `request`, which is sent when the first one is asked for.

    An answer that is complete is never given up, whatever happens after its end. The turn has
    its cost, by the price in `facts`.

    Raises:
        ModelUnavailable, StreamBroken, ModelRefused: as `judge` decides.
    """
    yielded = False
    fault, cause = Fault(text="the stream ended before the answer did", kind="network"), None
    try:
        async with AsyncExitStack() as stack:
            response = await _begun(stack, request, limits.first_byte_s)
            async with (
                aclosing(_objects(response, limits.first_byte_s, crowd)) as objects,
                aclosing(within(objects, lambda: _limit_s(reading, limits))) as each,
            ):
                async for said in each:
                    for event in merged(_taken(reading, said)):
                        yielded = True
                        yield event
            if _kind(response).endswith("json"):  # of something else, if it was no answer
                fault = Fault(status=response.status_code, kind="foreign")
    except Said as error:
        fault = error.fault
    except sdk.status_error as error:
        # Not chained: its text is the provider's, and may hold a part of the key.
        fault = judge.fault_of(error)
    except (sdk.error, *_FAULTS) as error:
        fault, cause = _transport_fault(error), error
    if not reading.is_over:
        broken = judge.error(fault, yielded=yielded)
        if isinstance(broken, StreamBroken):
            broken.usage = facts.costed(reading.usage)
        raise broken from cause
    for event in reading.rest():
        yield event
    yield TurnEnded(facts.priced(reading.finished()))


_FAULTS = (
    httpx2.HTTPError,  # a socket that drops in the middle is not wrapped by the SDKs
    httpx2.InvalidURL,
    aiohttp.ClientError,
    Silence,
    OSError,
    ValueError,  # an event that is no JSON, or a header that cannot be sent
)


def _taken(reading: Reading, objects: Iterable[tuple[str, Json]]) -> Iterator[ModelEvent]:
    for name, said in objects:
        yield from reading.take(name, said)


def _limit_s(reading: Reading, limits: Limits) -> float:
    return reading.rest_s if reading.is_over else limits.idle_s


async def _begun(
    stack: AsyncExitStack, request: AbstractAsyncContextManager[Response], limit_s: float
) -> Response:
    try:
        async with asyncio.timeout(limit_s):
            return await stack.enter_async_context(request)
    except TimeoutError as error:
        raise Silence(f"no sign of an answer for {limit_s:g} s") from error


def _kind(response: Response) -> str:
    return response.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _objects(
    response: Response, first_byte_s: float, crowd: Crowd
) -> AsyncGenerator[list[tuple[str, Json]], None]:
    """The objects of the answer as they come, one at least, each with the name of its event.

    The end mark is an object without fields, named `DONE`.
    """
    kind = _kind(response)
    if kind == "text/html":
        raise Said(Fault(status=response.status_code, kind="foreign"))
    seen = False
    async with (
        aclosing(_first_within(response.iter_bytes(), first_byte_s)) as first,
        aclosing(crowd.paced(first)) as chunks,
        aclosing(_whole(chunks) if kind.endswith("json") else frames_of(chunks)) as each,
    ):
        async for frames in each:
            found: list[tuple[str, Json]] = []
            try:
                for frame in frames:
                    found += _said(frame)
            finally:  # also what stands before an event that cannot be read
                seen = seen or any(name != DONE for name, _ in found)
                if answer := [said for said in found if not _is_sign_of_life(*said)]:
                    yield answer
    if not seen and kind and kind != "text/event-stream":
        raise Said(Fault(status=response.status_code, kind="foreign"))


def _said(frame: Frame) -> list[tuple[str, Json]]:
    if frame.data.startswith(DONE):
        return [(DONE, {})]
    return [(frame.name, said) for said in objects_in(_decoded(frame.data))]


def _is_sign_of_life(name: str, said: Json) -> bool:
    return _PING in (name, said.get("type"))


async def _first_within(
    chunks: AsyncIterator[bytes], limit_s: float
) -> AsyncGenerator[bytes, None]:
    """The chunks, the first of which, be it a sign of life only, has to come within `limit_s`."""
    try:
        async with asyncio.timeout(limit_s):
            first = await anext(chunks, b"")
    except TimeoutError as error:
        raise Silence(f"no sign of an answer for {limit_s:g} s") from error
    yield first
    async for chunk in chunks:
        yield chunk


async def _whole(chunks: AsyncIterator[bytes]) -> AsyncGenerator[list[Frame], None]:
    """The body as one event: a provider that does not stream, or reports a fault with a 200."""
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > FRAME_BYTES:
            raise FrameTooLarge(f"the answer is larger than {FRAME_BYTES} bytes")
    if data := body.decode(errors="replace").strip():
        yield [Frame("", data)]


def _decoded(data: str) -> object:
    """The JSON value; None for a text that was never meant to be one.

    Raises:
        ValueError: it begins like JSON and is none: some of the answer is lost.
    """
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        if data.startswith(("{", "[")):
            raise ValueError("an event of the stream is no JSON") from error
        log.debug("frame_passed_over", extra={"data": quoted(data)})
        return None


def _transport_fault(error: Exception) -> Fault:
    """What went wrong with the connection, looked for down the chain of causes."""
    chain: list[BaseException] = [error]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None:
        chain.append(cause)
    chain = [each for each in chain if not _is_misnamed(each)]
    known = next((fault for each in chain if (fault := _known_fault(each)) is not None), None)
    if known is not None:
        return known
    kind = type(chain[1] if len(chain) > 1 else error).__name__
    return Fault(text=f"the connection to the provider failed ({kind})", kind="network")


def _is_misnamed(error: BaseException) -> bool:
    """OpenAI's SDK calls every connection that fails a timeout; its cause says what it is."""
    cause = error.__cause__
    return (
        isinstance(error, httpx2.TimeoutException)
        and isinstance(cause, aiohttp.ClientConnectionError)
        and not isinstance(cause, aiohttp.ServerTimeoutError)
    )


def _known_fault(error: BaseException) -> Fault | None:
    match error:
        case Silence():
            fault = Fault(text=str(error), kind="network")
        case httpx2.TimeoutException():
            fault = Fault(text="the provider did not answer in time", kind="network")
        case httpx2.UnsupportedProtocol() | httpx2.InvalidURL():
            fault = Fault(text="it is no http address", kind="foreign")
        case ssl.SSLCertVerificationError():
            fault = Fault(text="its certificate is not accepted", kind="foreign")
        case ssl.SSLError(reason="WRONG_VERSION_NUMBER"):
            fault = Fault(text="it does not speak TLS", kind="foreign")
        case httpx2.LocalProtocolError() | UnicodeEncodeError():
            fault = Fault(words=frozenset({"invalid_api_key"}))  # the only header from outside
        case ValueError():
            fault = Fault(text="the provider sent something that is no event")
        case _:
            fault = None
    return fault
