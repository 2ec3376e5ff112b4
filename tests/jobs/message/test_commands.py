"""A tool that works on the disk, as a command does: what it changes, on the whole way."""

import asyncio
from pathlib import Path

import pytest
from pydantic import BaseModel

from core.ids import ToolCallId
from tests.jobs.message.site import TASK, Site
from tests.support.scripted_turns import ScriptedTurns, call, calls, says
from tools.files import FILE_TOOLS
from tools.output import PARTS, DiffPart, ExitPart, ToolOutput
from tools.place import Place, Provided, Touches
from tools.tool import Tool
from tools.workspace.paths import ROOT
from tools.workspace.port import RelPath

pytestmark = pytest.mark.timeout(120)


class NoArguments(BaseModel):
    """The command tool of these tests takes none."""


class Shell:
    """What a worker owns for its tools: here a script, and whether to wait for ever."""

    def __init__(self, script: str, *, hangs: bool = False) -> None:
        self.script = script
        self.hangs = hangs
        self.has_run = asyncio.Event()


async def run_script(_: NoArguments, place: Place) -> ToolOutput:
    assert place.folder is not None
    shell = place.need(Shell)
    process = await asyncio.create_subprocess_exec("/bin/sh", "-ec", shell.script, cwd=place.folder)
    code = await process.wait()
    shell.has_run.set()
    if shell.hangs:
        await asyncio.Event().wait()
    return ToolOutput(f"exit code {code}", is_error=code != 0, parts=(ExitPart(code, 0.1),))


COMMAND = Tool(
    name="runScript",
    description="Run the script.",
    arguments=NoArguments,
    touches=lambda _: Touches(writes=frozenset({ROOT}), in_folder=True),
    run=run_script,
)


async def files_of(site: Site) -> dict[str, bytes]:
    paths = [
        entry.path
        async for entry in site.store.files.walk(site.project_id, owner=site.owner)
        if entry.kind == "file"
    ]
    found = await site.store.files.read_many(site.project_id, paths, owner=site.owner)
    return {content.entry.path: content.data for content in found}


@pytest.fixture
async def commands(site: Site) -> Site:
    files = {"a.txt": b"one", "b.txt": b"two"}
    await site.store.files.write_many(site.project_id, files, owner=site.owner)
    site.tools = (*FILE_TOOLS, COMMAND)
    return site


@pytest.mark.parametrize("ends", ["", "; exit 3"], ids=["succeeds", "fails"])
async def test_what_a_command_changes_is_in_the_project_with_its_result(
    commands: Site, ends: str
) -> None:
    commands.model = ScriptedTurns(
        [
            calls(call("c1", "runScript")),
            calls(call("c2", "readFile", path="made/new.txt")),
            says("Done."),
        ]
    )
    commands.needs = Provided(Shell(f"rm a.txt; mkdir made; printf new > made/new.txt{ends}"))
    async with commands.worker() as engine:
        answer = await commands.answer(engine, TASK)
    assert await files_of(commands) == {"b.txt": b"two", "made/new.txt": b"new"}
    first, second = (
        await commands.store.messages.context(answer.message_id, max_chars=0)
    ).tool_calls
    assert first.status == ("failed" if ends else "completed")
    parts = await commands.store.messages.result_parts(
        answer.message_id, owner=commands.owner, turn=0, tool_call_id=first.tool_call_id
    )
    assert PARTS.validate_python(parts) == (
        ExitPart(3 if ends else 0, 0.1),
        DiffPart(RelPath("a.txt"), "deleted", "@@ -1 +0,0 @@\n-one", 0, 1),
        DiffPart(RelPath("made/new.txt"), "created", "@@ -0,0 +1 @@\n+new", 1, 0),
    )
    assert second.output == "new"


async def test_modes_and_links_are_in_the_project_and_a_link_is_edited_where_it_leads(
    commands: Site,
) -> None:
    edit = {"path": "now", "oldString": "one", "newString": "1"}
    commands.model = ScriptedTurns(
        [
            calls(call("c1", "runScript")),
            calls(call("c2", "editFile", **edit)),
            calls(call("c3", "renameFile", path="a.txt", newPath="b/a.sh")),
            says("Done."),
        ]
    )
    commands.needs = Provided(
        Shell(
            "chmod +x a.txt; rm b.txt; mkdir b .git; ln -s a.txt now; ln -s ../a.txt b/up; "
            "ln -s / out; echo > a:b"
        )
    )
    async with commands.worker() as engine:
        answer = await commands.answer(engine, TASK)
    first, second, third = (
        await commands.store.messages.context(answer.message_id, max_chars=0)
    ).tool_calls
    assert "not kept in it" in (first.output or "")
    assert ": out -> '/'\n" in (first.output or "")
    assert (first.output or "").endswith("rename what is needed: 'a:b'")
    assert (second.status, third.status) == ("completed", "completed")
    walked = commands.store.files.walk(commands.project_id, owner=commands.owner)
    modes = {entry.path: entry.mode async for entry in walked if entry.kind == "file"}
    assert modes == {"b/a.sh": "executable", "b/up": "symlink", "now": "symlink"}
    assert await files_of(commands) == {"b/a.sh": b"1", "b/up": b"../a.txt", "now": b"a.txt"}


async def test_what_a_command_changes_can_be_undone(commands: Site) -> None:
    files = {"old/x.bin": bytes(range(256)), "old/deep/y.txt": b"2"}
    await commands.store.files.write_many(commands.project_id, files, owner=commands.owner)
    before = await files_of(commands)
    commands.model = ScriptedTurns(
        [
            calls(call("c1", "runScript")),
            calls(call("c2", "undo")),
            calls(call("c3", "runScript")),
            says("Done."),
        ]
    )
    script = "printf more >> a.txt; mv b.txt c.txt; rm -r old; mkdir -p new/deep; echo 1 > new/f"
    commands.needs = Provided(Shell(script))
    async with commands.worker() as engine:
        answer = await commands.answer(engine, TASK)
    context = await commands.store.messages.context(answer.message_id, max_chars=0)
    outputs = [each.output for each in context.tool_calls]
    assert outputs[::2] == ["exit code 0", "exit code 0"]
    assert outputs[1] == (
        "Brought back: a.txt, b.txt, old, old/deep, old/deep/y.txt, old/x.bin\n"
        "Removed: c.txt, new, new/deep, new/f"
    )
    newest, undone, _ = (
        await commands.store.checkpoints.list(commands.project_id, owner=commands.owner)
    ).items
    assert undone.file_count == newest.file_count
    assert "c.txt" in await files_of(commands)
    await commands.store.checkpoints.restore(
        commands.project_id, newest.checkpoint_id, owner=commands.owner
    )
    assert await files_of(commands) == before


async def test_modes_and_links_come_back_when_they_are_undone(commands: Site) -> None:
    commands.model = ScriptedTurns(
        [
            calls(call("c1", "runScript")),
            calls(call("c2", "runScript")),
            calls(call("c3", "undo")),
            says("Done."),
        ]
    )
    first = "chmod +x a.txt; ln -s a.txt now; ln -s b.txt other"
    second = "chmod -x a.txt; rm now other; echo text > now; ln -s a.txt other; rm b.txt"
    commands.needs = Provided(Shell(f"if [ -e now ]; then {second}; else {first}; fi"))
    async with commands.worker() as engine:
        answer = await commands.answer(engine, TASK)
    context = await commands.store.messages.context(answer.message_id, max_chars=0)
    assert context.tool_calls[-1].output == "Brought back: a.txt, b.txt, now, other"
    walked = commands.store.files.walk(commands.project_id, owner=commands.owner)
    modes = {entry.path: entry.mode async for entry in walked}
    assert modes == {"a.txt": "executable", "b.txt": None, "now": "symlink", "other": "symlink"}
    files = await files_of(commands)
    assert (files["now"], files["other"]) == (b"a.txt", b"b.txt")


async def test_a_folder_that_a_command_removes_is_gone_from_the_project(commands: Site) -> None:
    files = {"old/x.txt": b"1", "old/deep/y.txt": b"2"}
    await commands.store.files.write_many(commands.project_id, files, owner=commands.owner)
    commands.model = ScriptedTurns([calls(call("c1", "runScript")), says("Done.")])
    commands.needs = Provided(Shell("rm -r old"))
    async with commands.worker() as engine:
        answer = await commands.answer(engine, TASK)
    assert answer.status == "completed"
    assert await files_of(commands) == {"a.txt": b"one", "b.txt": b"two"}
    _, gone = await commands.store.messages.result_parts(
        answer.message_id, owner=commands.owner, turn=0, tool_call_id=ToolCallId("c1")
    )
    assert PARTS.validate_python((gone,)) == (DiffPart(RelPath("old"), "deleted"),)


async def test_a_command_that_is_cancelled_leaves_nothing(commands: Site) -> None:
    commands.model = ScriptedTurns([calls(call("c1", "runScript")), says("Never.")])
    shell = Shell("rm a.txt; printf new > new.txt", hangs=True)
    commands.needs = Provided(shell)
    async with commands.worker() as engine:
        message_id, run_id = await commands.send(engine, TASK)
        async with asyncio.timeout(20):
            await shell.has_run.wait()
        await commands.store.messages.cancel(message_id, owner=commands.owner)
        await engine.cancel(run_id)
        commands.model = ScriptedTurns([calls(call("c2", "readFile", path="a.txt")), says("Ok.")])
    async with commands.worker() as engine:
        answer = await commands.answer(engine, "Read it.")
    [read] = (await commands.store.messages.context(answer.message_id, max_chars=0)).tool_calls
    assert read.output == "one"
    assert await files_of(commands) == {"a.txt": b"one", "b.txt": b"two"}


def written(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("a.txt") if path.read_text() == "command"]


async def test_a_command_loses_against_a_person_who_changed_the_same_file(commands: Site) -> None:
    commands.model = ScriptedTurns([calls(call("c1", "runScript")), says("Done.")])
    shell = Shell("printf command > a.txt; while [ ! -e go ]; do sleep 0.02; done; rm go")
    commands.needs = Provided(shell)
    async with commands.worker() as engine:
        message_id, run_id = await commands.send(engine, TASK)
        folder = commands.folder / "files"
        async with asyncio.timeout(20):
            while not (found := written(folder)):  # noqa: ASYNC110 - by another process
                await asyncio.sleep(0.02)
        await commands.store.files.write(
            commands.project_id, "a.txt", b"person", owner=commands.owner
        )
        (found[0].parent / "go").touch()
        await engine.wait(run_id, 60)
    [ran] = (await commands.store.messages.context(message_id, max_chars=0)).tool_calls
    assert ran.status == "failed"
    assert "somebody else changed the same file" in (ran.output or "")
    assert await files_of(commands) == {"a.txt": b"person", "b.txt": b"two"}
