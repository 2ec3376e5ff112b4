"""What a project has chosen, in the runs that begin from then on."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.prompt import SYSTEM_PROMPT, SYSTEM_PROMPT_BY_ID, budget_words
from llm.model import Turn
from store.records import MessageStatus, SettingsChange
from tests.jobs.message.site import TASK, Site
from tests.support.registries import sandbox_with_registry
from tests.support.scripted_turns import ScriptedTurns, call, calls, says
from tools.files import FILE_TOOLS
from tools.files.by_id import ID_FILE_TOOLS
from tools.outputs import Outputs
from tools.place import Provided
from tools.terminal import TERMINAL_TOOLS

pytestmark = pytest.mark.timeout(120)

BY_PATH = [tool.name for tool in FILE_TOOLS]
BY_ID = [*(tool.name for tool in ID_FILE_TOOLS), "undo"]


async def choose(site: Site, change: SettingsChange) -> None:
    await site.store.projects.configure(site.project_id, owner=site.owner, change=change)


async def answered(site: Site, *turns: Turn) -> tuple[ScriptedTurns, dict[str, str | None]]:
    model = site.model = ScriptedTurns([*turns, says("Done.")])
    async with site.worker() as engine:
        answer = await site.answer(engine, TASK)
    assert answer.status == MessageStatus.COMPLETED
    context = await site.store.messages.context(answer.message_id, max_chars=0)
    return model, {each.tool_call_id: each.output for each in context.tool_calls}


async def test_the_set_of_tools_is_that_of_the_next_message_with_its_prompt(site: Site) -> None:
    budget = budget_words(site.limits.max_turns)
    choices: tuple[tuple[SettingsChange, list[str], str], ...] = (
        ({}, BY_PATH, SYSTEM_PROMPT),
        ({"tool_set": "ids"}, BY_ID, SYSTEM_PROMPT_BY_ID),
        ({"tool_set": None}, BY_PATH, SYSTEM_PROMPT),
    )
    for change, tools, prompt in choices:
        await choose(site, change)
        model, _ = await answered(site)
        assert [tool.name for tool in model.requests[0].tools] == tools
        assert model.requests[0].system == prompt + budget


async def test_a_run_that_goes_on_elsewhere_keeps_the_tools_that_it_began_with(site: Site) -> None:
    await choose(site, {"tool_set": "ids"})
    make = calls(call("c1", "createFiles", parentId="", files=[{"name": "a", "content": "x"}]))
    script = [make, says("Done.")]
    first = site.model = ScriptedTurns(script, by_turn=True, hang_in_turn=1)
    async with site.worker() as engine:
        message_id, run_id = await site.send(engine, TASK)
        await first.hanging.wait()
    await choose(site, {"tool_set": "paths"})
    second = site.model = ScriptedTurns(script, by_turn=True)
    async with site.worker() as engine:
        await engine.wait(run_id, 60)
    message = await site.store.messages.owned(message_id, owner=site.owner)
    assert message.status is MessageStatus.COMPLETED
    assert [tool.name for tool in second.requests[-1].tools] == BY_ID


async def test_what_tools_by_ids_have_changed_can_be_undone(site: Site) -> None:
    await choose(site, {"tool_set": "ids"})
    files = {"a.txt": b"old\n", "src/b.txt": b"b\n"}
    await site.store.files.write_many(site.project_id, files, owner=site.owner)
    _, outputs = await answered(
        site,
        calls(call("c1", "readFiles", fileIds=["a.txt"])),
        calls(
            call("c2", "updateFile", fileId="a.txt", content="new\n"),
            call("c3", "deleteFiles", fileIds=["src"]),
            call("c4", "createFiles", parentId="", files=[{"name": "c.txt", "content": "c"}]),
        ),
        calls(call("c5", "undo")),
        calls(call("c6", "readFiles", fileIds=["a.txt", "src/b.txt", "c.txt"])),
    )
    assert outputs["c2"] == 'File "a.txt" updated successfully'
    assert outputs["c3"] == 'Deleted folder "src" successfully'
    assert outputs["c5"] == "Brought back: a.txt, src, src/b.txt\nRemoved: c.txt"
    assert outputs["c6"] is not None
    assert '"content": "old\\n"' in outputs["c6"]
    assert '"content": "b\\n"' in outputs["c6"]
    assert "File not found" in outputs["c6"]


ASKS = """
import base64, os, socket
from urllib.parse import urlsplit
proxy = urlsplit(os.environ.get("HTTPS_PROXY", "http://127.0.0.1:3128"))
key = base64.b64encode(f"{proxy.username}:{proxy.password}".encode()).decode()
with socket.create_connection((proxy.hostname, proxy.port), timeout=20) as there:
    head = f"CONNECT {registry} HTTP/1.1\\r\\nProxy-Authorization: Basic {key}\\r\\n\\r\\n"
    there.sendall(head.encode())
    print(there.recv(1000).decode())
"""


@pytest.fixture
async def registry(site: Site) -> AsyncIterator[str]:
    """A registry that the operator allows, and tools that run commands."""
    parent = site.folder / "outputs"
    await asyncio.to_thread(Path.mkdir, parent)
    async with sandbox_with_registry() as (sandbox, name), Outputs(parent=parent) as outputs:
        site.tools, site.needs = TERMINAL_TOOLS, Provided(sandbox, outputs)
        yield name


async def test_commands_reach_the_registries_that_the_project_allows(
    site: Site, registry: str
) -> None:
    source = ASKS.replace("{registry}", registry).encode()
    await site.store.files.write(site.project_id, "ask.py", source, owner=site.owner)
    ask = call("c1", "executeCommand", command="python3 ask.py")
    for registries, words in (
        (None, "200 Connection established"),
        ((), "refused"),
        ((registry,), "200 Connection established"),
        (("other.example.com:443",), "refused"),
    ):
        await choose(site, {"registries": registries})
        _, outputs = await answered(site, calls(ask))
        assert words in (outputs["c1"] or ""), (registries, outputs["c1"])
