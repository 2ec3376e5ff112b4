"""What a run is given, as it is stored: runs that were stored by older code must still execute."""

import json
from typing import Any

import pytest

from engine import Database, Engine, Event, FailureContext, JobContext, job
from engine.intake.payload import RunPayload
from engine.storage import codec
from tests.engine.conftest import Start
from tests.engine.things import Notes, beside
from tests.support.dbos.rows import replace_input

EVENT = (
    '{"name":"test/noted","data":{"n":1,"\\u00fc":"\\u00e9"},"id":"e1","ts":1790000000000,"v":"2",'
    '"user":{"id":"ada"},"headers":{"trace":"1"}}'
)
PLAIN_EVENT = '{"name":"test/noted","data":{},"id":"e2","ts":1790000000000,"v":null,"user":null}'
STORED = {
    "plain": f'{{"job":"noting","kind":"run","event":{PLAIN_EVENT},"position":17900}}',
    "full event": f'{{"job":"noting","kind":"run","event":{EVENT},"position":17900}}',
    "throttled": f'{{"job":"noting","kind":"run","event":{EVENT},"position":17900,'
    '"throttled_by":"throttle:noting:null"}',
    "gathered": f'{{"job":"noting","kind":"run","event":{EVENT},"position":17900,'
    '"gathered_by":"noting:e1"}',
    "handler": f'{{"job":"noting","kind":"failure","event":{EVENT},"position":17900,'
    '"failed_run":"noting:e1","error":{"name":"NonRetriable","message":"bad","stepId":"s",'
    '"code":"jammed","cause":{"name":"KeyError","message":"\'k\'"}}}',
    "handler of a batch": f'{{"job":"noting","kind":"failure","event":{EVENT},"position":17900,'
    '"failed_run":"noting:e1","error":{"name":"NonRetriable","message":"bad","stepId":null},'
    '"gathered_by":"noting:e1"}',
}
"""Texts that the code before `RunPayload` wrote."""


@pytest.mark.parametrize("stored", STORED.values(), ids=STORED.keys())
def test_what_is_stored_stays_the_same_to_the_byte(stored: str) -> None:
    payload = RunPayload.from_json(json.loads(stored))
    assert codec.dumps(payload.as_json()) == stored


def test_old_events_and_errors_have_fewer_fields() -> None:
    event: dict[str, Any] = {"name": "a", "data": {}, "id": "e", "ts": 1}
    error = {"name": "Odd", "message": "m", "stepId": None}
    run: dict[str, Any] = {"job": "j", "kind": "failure", "event": event, "position": 2}
    payload = RunPayload.from_json({**run, "failed_run": "j:e", "error": error})
    assert (payload.event.v, payload.event.user, payload.event.headers) == (None, None, {})
    assert payload.handles is not None
    assert (payload.handles.error.code, payload.handles.error.cause) == (None, None)


async def handle(ctx: FailureContext[dict[str, Any]]) -> None:
    cause = ctx.error.cause and ctx.error.cause.name
    told = (ctx.run_id, ctx.event.id, ctx.error.name, ctx.error.step_id, ctx.error.code, cause)
    ctx.need(Notes).write(" ".join(map(str, told)))


@job("noting", on="test/noted", on_failure=handle)
async def noting(ctx: JobContext[dict[str, Any]]) -> str:
    event = ctx.event
    told = (ctx.run_id, event.id, event.data, event.v, event.user, dict(event.headers))
    ctx.need(Notes).write(" ".join(map(str, told)))
    return "noted"


FULL = "noting:run e1 {'n': 1, 'ü': 'é'} 2 {'id': 'ada'} {'trace': '1'}"
NOTED = {
    "plain": "noting:run e2 {} None None {}",
    "full event": FULL,
    "throttled": FULL,
    "gathered": FULL,
    "handler": "noting:e1 e1 NonRetriable s jammed KeyError",
    "handler of a batch": "noting:e1 e1 NonRetriable None None None",
}


@pytest.mark.parametrize("kind", STORED)
async def test_run_that_older_code_has_stored_executes(
    start: Start, database: Database, kind: str
) -> None:
    notes = Notes()
    async with Engine(jobs=[noting], database=database, works=False, executor_id="a") as sender:
        (run_id,) = (await sender.send(Event("test/noted", id="run"))).run_ids
        older = f'{{"args":[{STORED[kind]}],"kwargs":{{}}}}'
        with beside(database) as connection:
            before = replace_input(connection, older)
    assert json.loads(before).keys() == json.loads(older).keys()
    assert run_id == "noting:run"
    heir = await start([noting], provide=[notes], executor_id="b")
    assert await heir.result(run_id, 5) == (None if kind.startswith("handler") else "noted")
    assert notes.lines == [NOTED[kind]]
