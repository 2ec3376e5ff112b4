import asyncio
import re
import shutil
import time
from pathlib import Path

import pytest

from tests.support.processes import alive, until_alive
from tests.tools.terminal.conftest import Terminal
from tools.sandbox.doors import NothingListens
from tools.sandbox.port import Confined
from tools.sandbox.processes import KEPT_BYTES, PER_PROJECT, Processes
from tools.sandbox.sandbox import Sandbox

pytestmark = pytest.mark.timeout(90)

SERVER = (
    "node -e \"const s = require('http').createServer((q, r) => r.end('hi'));"
    "s.listen(3000, '127.0.0.1', async () => {"
    "console.log(await (await fetch('http://127.0.0.1:3000')).text()); });\""
)


async def started(terminal: Terminal, command: str) -> str:
    ran = await terminal("startProcess", command=command)
    [process_id] = re.findall(r"^Process (p\d+) is running", ran.text)
    return process_id


async def read_until(terminal: Terminal, process_id: str, words: str) -> str:
    text = ""
    async with asyncio.timeout(40):
        while words not in text:
            text += (await terminal("readProcess", processId=process_id, waitSeconds=10)).text
    return text


async def test_a_server_runs_between_calls(terminal: Terminal) -> None:
    process_id = await started(terminal, f"echo begun; {SERVER}")
    await terminal.sh("echo another > made.txt")
    stopped = await terminal("stopProcess", processId=process_id)
    assert stopped.text.startswith(f"Process {process_id} was stopped")
    assert not stopped.is_error


async def test_a_server_can_be_looked_at_from_outside(terminal: Terminal) -> None:
    sandbox = terminal.place.need(Sandbox)
    if not sandbox.is_reachable:
        pytest.skip("this machine has no network namespaces")
    await started(terminal, f"{SERVER} & wait")
    async with asyncio.timeout(40):
        while True:
            try:
                reader, writer = await sandbox.connect(terminal.folder, 3000)
                break
            except NothingListens:
                await asyncio.sleep(0.05)
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        assert (await reader.read()).endswith(b"hi")
        writer.close()


async def test_commands_reach_a_server_of_their_own_project_alone(
    terminal: Terminal, tmp_path: Path
) -> None:
    if terminal.place.need(Sandbox).networks is None:
        pytest.skip("this machine has no networks that can be entered")
    await started(terminal, SERVER)
    asks = "node -e \"fetch('http://localhost:3000').then(r => r.text()).then(console.log)\""
    async with asyncio.timeout(40):
        while (await terminal.sh(asks)).text != "hi":
            continue
    other = tmp_path / "other"
    other.mkdir()
    assert "ECONNREFUSED" in (await terminal.elsewhere(other).sh(asks)).text


async def test_only_new_output_is_read(terminal: Terminal) -> None:
    command = "echo one; while [ ! -e go ]; do sleep 0.05; done; echo two; sleep 300"
    ran = await terminal("startProcess", command=command)
    assert ran.text.endswith("New output:\none")
    read = await terminal("readProcess", processId="p1")
    assert read.text == "Process p1 is running.\nNo new output."
    (terminal.folder / "go").touch()
    text = await read_until(terminal, "p1", "two")
    assert "one" not in text


async def test_a_process_that_fails_at_once_says_why(terminal: Terminal) -> None:
    ran = await terminal("startProcess", command="echo port taken >&2; exit 4")
    assert ran.is_error
    assert ran.text == "The process ended at once: exit code 4.\nNew output:\nport taken"


async def test_the_end_of_a_process_is_told(terminal: Terminal) -> None:
    process_id = await started(terminal, "while [ ! -e go ]; do sleep 0.05; done; exit 5")
    (terminal.folder / "go").touch()
    text = await read_until(terminal, process_id, "has ended")
    assert "exit code 5" in text


async def test_old_output_makes_room(terminal: Terminal) -> None:
    process_id = await started(terminal, "while [ ! -e go ]; do sleep 0.05; done; seq 1 100000")
    process = terminal.place.need(Processes).find(process_id, terminal.folder)
    (terminal.folder / "go").touch()
    await process.ended.wait()
    assert len(process.output) == KEPT_BYTES
    read = await terminal("readProcess", processId=process_id)
    assert "New output, of which the first 326,751 bytes were dropped:" in read.text
    assert read.text.endswith("\n100000")


async def test_a_stop_ends_the_whole_tree(terminal: Terminal) -> None:
    mark = f"300.{time.monotonic_ns()}"
    process_id = await started(terminal, f"setsid sleep {mark} & sleep {mark}")
    await until_alive(mark)
    await terminal("stopProcess", processId=process_id)
    assert list(alive(mark)) == []


async def test_a_start_that_is_cancelled_leaves_nothing(terminal: Terminal) -> None:
    mark = f"300.{time.monotonic_ns()}"
    async with asyncio.TaskGroup() as tasks:
        starting = tasks.create_task(terminal("startProcess", command=f"sleep {mark}"))
        await until_alive(mark)
        starting.cancel()
    assert list(alive(mark)) == []


async def test_the_number_is_bounded(terminal: Terminal) -> None:
    for _ in range(PER_PROJECT):
        confined = Confined(("sleep", "300"), terminal.folder)
        await terminal.place.need(Processes).start(confined, "sleep 300")
    refused = await terminal("startProcess", command="sleep 300")
    assert refused.is_error
    assert "Stop one with stopProcess first" in refused.text
    await terminal("stopProcess", processId="p1")
    again = await terminal("startProcess", command="sleep 300")
    assert "is running" in again.text


async def test_processes_of_another_project_are_not_there(terminal: Terminal) -> None:
    process_id = await started(terminal, "sleep 300")
    other = terminal.folder.with_name("other")
    other.mkdir()
    for tool in ("readProcess", "stopProcess"):
        refused = await terminal.elsewhere(other)(tool, processId=process_id)
        assert refused.is_error
        assert f"no process '{process_id}'" in refused.text
        assert "None is running" in refused.text


async def test_what_is_forbidden_is_not_started(terminal: Terminal) -> None:
    refused = await terminal("startProcess", command="nc -l 80")
    assert refused.text.startswith("Command blocked: nc:")


async def test_processes_die_with_their_project(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.sandbox.processes.CHECK_S", 0.1)  # a bound made small
    mark = f"300.{time.monotonic_ns()}"
    process_id = await started(terminal, f"sleep {mark}")
    process = terminal.place.need(Processes).find(process_id, terminal.folder)
    shutil.rmtree(terminal.folder)
    async with asyncio.timeout(30):
        await process.ended.wait()
    assert list(alive(mark)) == []


async def test_processes_die_with_their_worker(tmp_path: Path) -> None:
    mark = f"300.{time.monotonic_ns()}"
    async with Sandbox() as sandbox:
        if sandbox.kind is None:
            pytest.skip("this machine has no user namespaces and no Landlock")
        async with Processes(sandbox) as processes:
            script = f"setsid sleep {mark} & sleep {mark}"
            await processes.start(Confined(("sh", "-c", script), tmp_path), script)
            await until_alive(mark)
    assert list(alive(mark)) == []
