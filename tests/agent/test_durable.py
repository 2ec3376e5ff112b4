"""What an engine keeps of a step: JSON that reads back as the same value."""

import json
from typing import Any

import pytest
from pydantic import TypeAdapter

from agent.durable import ToolRef, TurnRef
from tests.agent.desk import Desk, Journal
from tests.support.scripted_turns import ScriptedTurns, call, calls, says


@pytest.fixture
async def results() -> dict[str, Any]:
    journal = Journal()
    script = [
        calls(call("c1", "readFile", path="a"), call("c2", "renameFile", path="b", newPath="c")),
        says("Done."),
    ]
    await Desk(ScriptedTurns(script), files={"a": "x", "b": "y"}).run(journal)
    return journal.results


async def test_every_result_survives_json(results: dict[str, Any]) -> None:
    assert len(results) == 4
    for result in results.values():
        adapter: TypeAdapter[Any] = TypeAdapter(ToolRef if isinstance(result, ToolRef) else TurnRef)
        stored = json.dumps(adapter.dump_python(result, mode="json"))
        assert adapter.validate_python(json.loads(stored)) == result
