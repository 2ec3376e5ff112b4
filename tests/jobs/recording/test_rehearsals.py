"""Each recording of `tests/recordings`, of a run of ours: today's code does the same, byte by byte.

Where it should not, `python -m tests.jobs.recording.make` records the runs anew.
"""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from app.rehearsing import going_on_from, model_for, rehearsal_of
from app.settings import Settings
from app.tools import AGENT_TOOLS, CHAT_TOOLS
from jobs.agents import Agents
from jobs.recording.recording import Recording, read_recording, recording_of
from jobs.rehearsal.differences import NotRehearsable
from jobs.rehearsal.rehearsed import Rehearsal
from jobs.rehearsal.rehearsing import rehearse
from jobs.rehearsal.transcript import rehearsed
from llm.scripted.process import scripted_here
from store import Store
from tests.jobs.recording.plays import DONE, EDIT, PLAYS, READ, calls
from tests.support.scripted_model import scenario
from tools.tool import AnyTool

FOLDER = Path(__file__).parents[2] / "recordings"
RECORDINGS = sorted(FOLDER.glob("*.jsonl.gz"))


def named(name: str) -> Recording:
    return read_recording(FOLDER / f"{name}.jsonl.gz")


def changed(name: str, line: str, change: dict[str, Any], *, number: int = 0) -> Recording:
    """The recording, of which one line of a kind is another one."""
    lines = [json.loads(each) for each in named(name).data.splitlines() if each]
    [each for each in lines if each["line"] == line][number] |= change
    return recording_of("\n".join(map(json.dumps, lines)).encode(), source=name)


def test_there_is_a_recording_of_each_play() -> None:
    assert {path.name.partition(".")[0] for path in RECORDINGS} == set(PLAYS)


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.name.partition(".")[0])
async def test_todays_code_goes_the_same_way(path: Path) -> None:
    recording = read_recording(path)
    done = await rehearsal_of(recording)
    assert done.difference is None, done.words
    assert done.requests == len(recording.exchanges)
    assert done.is_whole == (recording.ended is not None)


def test_the_recordings_are_of_what_they_are_named_for() -> None:
    assert sum(key.startswith("condense-") for key in named("compaction").steps) >= 2
    assert named("crash").processes == 2
    assert named("cancel").exchanges[-1].how == "dropped"
    assert [each.how for each in named("broken-stream").exchanges].count("broken") >= 1
    assert {each.asked.provider for each in named("fallback").exchanges} == {"anthropic", "openai"}
    assert named("steer").said
    assert {key for key, _ in named("approval").stood} == {"ask", "settle"}
    assert "image" in str(named("image").exchanges[-1].body["messages"][-1])


async def differs(recording: Recording) -> str:
    done = await rehearsal_of(recording)
    assert done.difference is not None
    return done.difference


async def test_a_request_with_other_words_is_found_at_the_first_character() -> None:
    first = named("edits").exchanges[0].body
    system = json.loads(json.dumps(first["system"]).replace("coding agent", "coding-agent"))
    found = await differs(changed("edits", "asked", {"body": {**first, "system": system}}))
    assert re.match(r"request 1 differs, at system\[0\]\.text, character \d+:", found)
    assert "coding-agent" in found
    assert "coding agent" in found


async def test_a_tool_with_another_description_is_found(tmp_path: Path) -> None:
    rehearsal = Rehearsal(named("edits"), tmp_path)
    done = await rehearse(rehearsal, agents_with(rehearsal, [_renamed(t) for t in AGENT_TOOLS]))
    assert done.difference is not None
    assert done.difference.startswith("request 1 differs, at tools[")
    assert ".description, character 0" in done.difference


async def test_a_history_that_is_condensed_at_another_time_is_found(tmp_path: Path) -> None:
    rehearsal = Rehearsal(named("compaction"), tmp_path)
    limits = replace(rehearsal.recording.begun.limits, condense_at=0.6)
    agents = agents_with(rehearsal, AGENT_TOOLS, limits=limits)
    done = await rehearse(rehearsal, agents)
    assert done.difference is not None
    assert 1 < done.turns < 9


async def test_a_loop_that_ends_elsewhere_is_found(tmp_path: Path) -> None:
    found = await differs(changed("edits", "ended", {"outcome": {"ending": "stuck"}}))
    assert found.startswith("how the run ended differs, at ending")
    rehearsal = Rehearsal(named("edits"), tmp_path)
    limits = replace(rehearsal.recording.begun.limits, max_turns=1)
    done = await rehearse(rehearsal, agents_with(rehearsal, AGENT_TOOLS, limits=limits))
    assert done.difference is not None


async def test_an_answer_that_reads_otherwise_is_found_in_the_step() -> None:
    step = json.loads(json.dumps(named("edits").steps["turn-0"])) | {"text_chars": 1}
    found = await differs(changed("edits", "step", {"result": step}, number=1))
    assert found.startswith("the result of turn-0 differs, at text_chars")


async def test_another_output_of_a_call_that_only_our_words_decide_is_found() -> None:
    output: dict[str, Any] = {"text": "There is no such tool.", "is_error": True, "parts": []}
    recording = named("wrong-calls")
    at = list(recording.called).index(
        next(k for k, v in recording.called.items() if v.output.is_error)
    )
    found = await differs(changed("wrong-calls", "called", {"output": output}, number=at))
    assert found.startswith("the output of ")


async def test_what_cannot_be_rehearsed_says_why() -> None:
    with pytest.raises(NotRehearsable, match="runs of generate-project"):
        await rehearsal_of(changed("edits", "begun", {"job": "generate-project"}))
    with pytest.raises(NotRehearsable, match="not known here: 'nobody'"):
        await rehearsal_of(changed("edits", "asked", {"provider": "nobody"}))


async def test_another_model_goes_on_from_a_step_in_the_files_of_then() -> None:
    rules = (calls(READ), DONE)
    async with scripted_here(scenario(*rules)) as server:
        settings = Settings.model_construct(
            openai_api_key=SecretStr("sk-0"), openai_base_url=server.openai_url
        )
        model = "openai:gpt-6-sol"
        done = await going_on_from(named("edits"), "turn-2", model, settings)
        requests = await server.requests()
        with pytest.raises(NotRehearsable, match="no step 'turn-9'; its steps: turn-0, tool-0-"):
            await going_on_from(named("edits"), "turn-9", model, settings)
    assert done.difference is None
    assert (done.requests, done.turns, done.calls) == (2, 4, 3)
    assert done.new is not None
    assert done.new.endswith("`total` adds up the prices now (src/shop.ts:1).")
    last = requests[-1]["body"]["messages"][-1]
    assert "prices.reduce(" in last["content"]  # as the recorded call left it
    assert EDIT[1]["newString"] in str(requests[0]["body"]["messages"])


def agents_with(rehearsal: Rehearsal, tools: Any, **limits: Any) -> Agents:
    """As `agents_for`, but for these."""
    return Agents(
        model_for(rehearsal),
        [rehearsed(tool) for tool in tools],
        limits.get("limits", rehearsal.recording.begun.limits),
        store=Store("http://rehearsal.invalid", internal_key=""),
        chat_tools=[rehearsed(tool) for tool in CHAT_TOOLS],
    )


def _renamed(tool: AnyTool) -> AnyTool:
    return replace(tool, description=f"! {tool.description}") if tool.name == "readFile" else tool
