"""The scripted model as an HTTP server: its protocols, and routes to look at it and steer it."""

import asyncio
import json
import logging
from typing import cast, get_args

from aiohttp import web

from core.clock import Clock, SystemClock
from llm.scripted.anthropic_wire import AnthropicDialect
from llm.scripted.asked import Asked
from llm.scripted.choose import Script
from llm.scripted.dialect import Block, Counted, Dialect, Ending, JsonObject, Rejected
from llm.scripted.journal import Journal, Record, Stage
from llm.scripted.openai_wire import OpenAIDialect
from llm.scripted.play import Outcome, blocks_of, play
from llm.scripted.responses_wire import ResponsesDialect
from llm.scripted.scenario import (
    Drop,
    EarlyEnd,
    ErrorEvent,
    Hang,
    InvalidScenario,
    Pace,
    Reply,
    Scenario,
    Status,
    parse_scenario,
)

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 32 * 1024 * 1024  # the real APIs' limit
LONG_POLL_S = 10.0
_STAGES: dict[str, Stage] = {stage: stage for stage in get_args(Stage)}
MARK = {"x-polaris-scripted": "true"}


class ScriptedServer:
    """Plays one scenario at a time; every answer says that it is scripted."""

    def __init__(self, scenario: Scenario, clock: Clock | None = None) -> None:
        self._script = Script(scenario)
        self.journal = Journal(clock or SystemClock())
        self._dialects = _dialects()

    def play_scenario(self, scenario: Scenario) -> None:
        """Use another scenario from now on; answers that are under way go on as they were."""
        self._script = Script(scenario)

    def reset(self) -> None:
        """Forget the requests, how often rules answered, and the prompt caches."""
        self._script = Script(self._script.scenario)
        self.journal.clear()
        self._dialects = _dialects()

    def app(self) -> web.Application:
        """The routes."""
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.router.add_post("/v1/messages", self._anthropic)
        app.router.add_post("/v1/messages/count_tokens", self._count_tokens)
        app.router.add_post("/v1/chat/completions", self._openai)
        app.router.add_post("/v1/responses", self._responses)
        app.router.add_get("/v1/models", self._models)
        app.router.add_get("/__scripted/requests", self._requests)
        app.router.add_post("/__scripted/scenario", self._swap)
        app.router.add_post("/__scripted/reset", self._reset)
        return app

    async def _anthropic(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, self._dialects[0])

    async def _openai(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, self._dialects[1])

    async def _responses(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, self._dialects[2])

    async def _answer(self, request: web.Request, dialect: Dialect) -> web.StreamResponse:
        record = self.journal.open(
            protocol=dialect.name, path=request.path, headers=_shown(request)
        )
        exchange = _Exchange(request, dialect, record, self.journal)
        try:
            response = await exchange.run(self._script)
        except (asyncio.CancelledError, ConnectionError):
            self.journal.note(record, "client_disconnected")
            raise
        self.journal.note(record, "finished")
        return response

    async def _count_tokens(self, request: web.Request) -> web.Response:
        dialect = self._dialects[0]
        try:
            dialect.check_headers(request.headers, self._script.scenario)
            body = await _json(request)
            if isinstance(body, dict):
                body = {"max_tokens": 0, **cast("JsonObject", body)}
            asked = dialect.read(body, headers=request.headers, scenario=self._script.scenario)
        except Rejected as rejected:
            return _error(dialect, rejected)
        return web.json_response({"input_tokens": (asked.input_chars + 3) // 4}, headers=MARK)

    async def _models(self, request: web.Request) -> web.Response:
        names = self._script.scenario.models or ("scripted",)
        if "anthropic-version" in request.headers:
            models = [
                {
                    "id": name,
                    "type": "model",
                    "display_name": f"Scripted {name}",
                    "created_at": "2026-01-01T00:00:00Z",
                }
                for name in names
            ]
            page = {"first_id": names[0], "last_id": names[-1], "has_more": False}
            return web.json_response({"data": models, **page}, headers=MARK)
        listed = [
            {"id": name, "object": "model", "created": 0, "owned_by": "scripted"} for name in names
        ]
        return web.json_response({"object": "list", "data": listed}, headers=MARK)

    async def _requests(self, request: web.Request) -> web.Response:
        """All records; with `until` and `count`, once so many requests have reached that stage."""
        asked = request.query.get("until")
        if asked is not None:
            stage = _STAGES.get(asked)
            if stage is None:
                raise web.HTTPBadRequest(text=f"until: one of {', '.join(_STAGES)}")
            try:
                async with asyncio.timeout(LONG_POLL_S):
                    await self.journal.until(stage, int(request.query.get("count", "1")))
            except TimeoutError:
                raise web.HTTPRequestTimeout(text=f"not enough requests are {stage}") from None
        return web.json_response(
            {"now": self.journal.now(), "requests": self.journal.as_json()}, headers=MARK
        )

    async def _swap(self, request: web.Request) -> web.Response:
        try:
            self.play_scenario(parse_scenario(await request.read()))
        except InvalidScenario as error:
            return web.json_response({"error": str(error)}, status=400, headers=MARK)
        return web.json_response({"ok": True}, headers=MARK)

    async def _reset(self, request: web.Request) -> web.Response:
        del request
        self.reset()
        return web.json_response({"ok": True}, headers=MARK)


class _Exchange:
    """One request and its answer."""

    def __init__(
        self, request: web.Request, dialect: Dialect, record: Record, journal: Journal
    ) -> None:
        self._request = request
        self._dialect = dialect
        self._record = record
        self._journal = journal

    async def run(self, script: Script) -> web.StreamResponse:
        """Check, choose, and answer."""
        try:
            self._dialect.check_headers(self._request.headers, script.scenario)
            body = await _json(self._request)
            size_bytes = len(await self._request.read())  # kept by aiohttp: read once
            self._journal.received(self._record, body, size_bytes)
            asked = self._dialect.read(
                body, headers=self._request.headers, scenario=script.scenario
            )
            self._record.rule, reply = script.reply_to(asked)
        except Rejected as rejected:
            self._record.status = rejected.status
            return _error(self._dialect, rejected)
        log.info("reply", extra={"rule": self._record.rule, "protocol": self._dialect.name})
        pace = reply.pace or script.scenario.pace
        return await self._play(asked, cast("JsonObject", body), reply, pace)

    async def _play(
        self, asked: Asked, body: JsonObject, reply: Reply, pace: Pace
    ) -> web.StreamResponse:
        match reply.fault:
            case Status() as fault:
                await asyncio.sleep(pace.first_delay_s)
                self._record.status = fault.status
                return self._status(fault)
            case Hang(after_chars=None):
                await asyncio.Event().wait()
            case Drop(after_chars=None):
                return self._drop(web.Response())
            case _:
                pass
        blocks = blocks_of(reply, self._dialect.new_call_id)
        counted = _as_said(reply, self._dialect.count(body, sum(len(b.text) for b in blocks)))
        ending = Ending(reply.stop_word, counted)
        wire = self._dialect.wire(asked, ending, body)
        self._record.status = 200
        if not asked.stream:
            return await self._whole(blocks, reply, pace, wire.whole(blocks))
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream; charset=utf-8", **MARK}
        )
        await response.prepare(self._request)

        async def send(data: bytes, words: int) -> None:
            self._journal.note(self._record, "first_byte")
            self._record.sent_chars += words
            size = pace.split_bytes or max(1, len(data))
            for start in range(0, len(data), size):
                await response.write(data[start : start + size])
                if pace.split_bytes:
                    await asyncio.sleep(0)  # lets the loop send the slice as a packet of its own

        outcome = await play(blocks, reply, pace, wire, send)
        return self._drop(response) if outcome is Outcome.DROP else response

    def _status(self, fault: Status) -> web.Response:
        kind, usual = self._dialect.status_kind(fault.status)
        rejected = Rejected(fault.status, fault.message or usual, kind=kind)
        response = _error(self._dialect, rejected)
        if fault.retry_after_s is not None:
            response.headers["retry-after"] = f"{fault.retry_after_s:g}"
        return response

    async def _whole(
        self, blocks: list[Block], reply: Reply, pace: Pace, body: JsonObject
    ) -> web.StreamResponse:
        """An answer that is not streamed: one wait, and the faults that make sense for it."""
        chars = sum(len(block.text) for block in blocks)
        await asyncio.sleep(pace.first_delay_s + pace.chunk_delay_s * (chars / pace.chunk_chars))
        match reply.fault:
            case ErrorEvent() as fault:
                return _error(self._dialect, Rejected(529, fault.message, kind=fault.error))
            case Drop() | EarlyEnd():
                return self._drop(web.Response())
            case Hang():
                await asyncio.Event().wait()
            case _:
                pass
        self._record.sent_chars = chars
        return web.json_response(body, headers=MARK)

    def _drop(self, response: web.StreamResponse) -> web.StreamResponse:
        """Close the socket without an end of the response."""
        if self._request.transport is not None:
            self._request.transport.close()
        return response


def _dialects() -> tuple[Dialect, Dialect, Dialect]:
    return AnthropicDialect(), OpenAIDialect(), ResponsesDialect()


def _as_said(reply: Reply, counted: Counted) -> Counted:
    said = reply.usage
    return Counted(
        counted.input_tokens if said.input_tokens is None else said.input_tokens,
        counted.output_tokens if said.output_tokens is None else said.output_tokens,
        counted.cache_read_tokens if said.cache_read_tokens is None else said.cache_read_tokens,
        counted.cache_write_tokens if said.cache_write_tokens is None else said.cache_write_tokens,
    )


def _error(dialect: Dialect, rejected: Rejected) -> web.Response:
    return web.json_response(dialect.error_body(rejected), status=rejected.status, headers=MARK)


async def _json(request: web.Request) -> object:
    try:
        return json.loads(await request.read())
    except ValueError as error:
        raise Rejected(400, f"The request body is not valid JSON: {error}") from error
    except web.HTTPRequestEntityTooLarge as error:
        raise Rejected(413, "Request exceeds the maximum size", kind="request_too_large") from error


def _shown(request: web.Request) -> dict[str, str]:
    """The headers without the key: only whether there is one."""
    hidden = {"authorization", "x-api-key"}
    return {
        name.lower(): "(set)" if name.lower() in hidden else value
        for name, value in request.headers.items()
    }
