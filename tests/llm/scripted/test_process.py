"""The scripted model as a process: ready line, signals, bad scenarios."""

import asyncio
import json
import signal
import sys
from pathlib import Path

import pytest

from llm.model import TextPart, TurnEnded
from llm.scripted.process import scripted_process
from tests.support.scripted_model import anthropic_at, ask, scenario


async def start(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "llm.scripted",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def test_the_process_answers_over_its_port() -> None:
    async with (
        scripted_process(scenario({"text": "from afar"})) as server,
        anthropic_at(server) as model,
    ):
        *_, last = [event async for event in model.stream(ask())]
    assert isinstance(last, TurnEnded)
    assert last.turn.message.parts == (TextPart("from afar"),)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_cleanly_even_while_it_hangs(
    tmp_path: Path, number: signal.Signals
) -> None:
    path = tmp_path / "scenario.json"
    path.write_text(scenario({"text": "x", "fault": {"kind": "hang"}}).model_dump_json())
    process = await start("--scenario", str(path))
    assert process.stdout is not None
    ready = json.loads(await process.stdout.readline())
    assert ready["url"].startswith("http://127.0.0.1:")
    assert ready["scripted"] is True
    process.send_signal(number)
    rest, _ = await process.communicate()
    assert process.returncode == 0
    assert rest == b""


async def test_a_wrong_scenario_ends_it_with_the_field_named(tmp_path: Path) -> None:
    path = tmp_path / "scenario.json"
    path.write_text('{"rules": [{"reply": {"txt": "a"}}]}')
    process = await start("--scenario", str(path))
    output, errors = await process.communicate()
    assert process.returncode == 1
    assert output == b""
    assert b"rules.0.reply.txt" in errors
    assert b"Traceback" not in errors
