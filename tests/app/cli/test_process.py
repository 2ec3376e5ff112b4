"""The commands as processes: ready lines, signals, children, refusals at start."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from app.identity.local_user import ISSUER
from tests.support.api_client import api_at, local_user
from tests.support.product import NotReady, environment, running, start

pytestmark = pytest.mark.timeout(120)

GONE_S = 15.0


def dev(folder: Path, model_url: str = "") -> dict[str, str]:
    with_model = {"ANTHROPIC_API_KEY": "sk-ant-scripted-0000", "ANTHROPIC_BASE_URL": model_url}
    return environment(
        POLARIS_DATA_DIR=str(folder / "data"),
        POLARIS_GRACE_S="0.5",
        **(with_model if model_url else {}),
    )


def children(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


def run(*command: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "app.main", *command],
        env=env or environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_dev_says_one_ready_line_and_ends_with_its_children_at_sigterm(tmp_path: Path) -> None:
    program = start(["dev", "--port", "0"], folder=tmp_path, env=dev(tmp_path))
    assert set(program.ready) == {"api", "convex", "token", "web"}
    assert program.ready["web"] == f"{program.ready['api']}/#token={program.ready['token']}"
    family = children(program.process.pid)
    assert family
    program.process.terminate()
    assert program.process.stdout is not None
    assert program.process.stdout.read() == b""  # nothing but the ready line
    assert program.stop() == 0
    _, alive = psutil.wait_procs(family, timeout=GONE_S)  # a child of Convex ends just after it
    assert alive == []


def test_killing_dev_takes_its_children_along(tmp_path: Path) -> None:
    program = start(["dev", "--port", "0"], folder=tmp_path, env=dev(tmp_path))
    family = children(program.process.pid)
    program.kill()
    _, alive = psutil.wait_procs(family, timeout=GONE_S)
    assert alive == []


def test_a_second_dev_on_the_same_data_is_refused_in_one_line(tmp_path: Path) -> None:
    with running(["dev", "--port", "0"], folder=tmp_path, env=dev(tmp_path)):
        second = run("dev", "--port", "0", env=dev(tmp_path))
    assert second.returncode == 1
    assert second.stdout == ""
    assert "Traceback" not in second.stderr
    assert "polaris: " in second.stderr


async def test_an_answer_goes_on_after_sigterm_and_a_restart(
    tmp_path: Path, model_url: str
) -> None:
    env = dev(tmp_path, model_url)
    first = start(["dev", "--port", "0"], folder=tmp_path, env=env)
    async with local_user(first) as api:
        sent = await api.send(await api.conversation(), "answer slowly")
        await api.until_streaming(sent["messageId"])
    assert await asyncio.to_thread(first.stop) == 0
    with running(["dev", "--port", "0"], folder=tmp_path, env=env) as second:
        # The token of before still holds: the key is in the data folder.
        async with api_at(second.ready["api"], "local", first.ready["token"]) as api:
            answer = await api.until_final(sent["messageId"])
    assert answer["status"] == "completed"
    assert answer["content"] == "All work and no play. " * 400


async def test_a_taken_default_port_gives_way_and_an_asked_one_does_not(tmp_path: Path) -> None:
    asked = environment(POLARIS_DATA_DIR=str(tmp_path / "asked"))
    server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    refused = await asyncio.to_thread(run, "dev", "--port", str(port), env=asked)
    server.close()
    assert refused.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_wrong_setting_ends_the_start_and_is_named() -> None:
    refused = run("dev", env=environment(POLARIS_BUSY_POLICY="shout"))
    assert refused.returncode == 2
    assert refused.stderr.startswith("polaris: POLARIS_BUSY_POLICY: ")
    assert refused.stdout == ""


@pytest.mark.parametrize("name", ["ANTHROPIC_BASE_URL", "OPENAI_BASE_URL", "CONVEX_URL"])
def test_an_address_that_is_none_ends_the_start_and_is_named(name: str) -> None:
    refused = run("dev", env=environment(**{name: "example.org"}))
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"polaris: {name}: ")


def test_an_engine_file_that_is_none_is_said_in_one_line(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "engine.sqlite").write_bytes(b"no database at all" * 100)
    refused = run("dev", "--port", "0", env=dev(tmp_path))
    assert refused.returncode == 1
    last = refused.stderr.splitlines()[-1]
    assert last == "polaris: the engine's database cannot be used: file is not a database"
    assert "Traceback" not in refused.stderr


def test_an_unreachable_postgresql_is_said_without_its_password(tmp_path: Path) -> None:
    url = "postgresql://polaris:hush-hush@127.0.0.1:9/polaris"
    refused = run("dev", "--port", "0", env={**dev(tmp_path), "POLARIS_DATABASE_URL": url})
    assert refused.returncode == 1
    last = refused.stderr.splitlines()[-1]
    assert last.startswith("polaris: the database cannot be reached: ")
    assert "Traceback" not in refused.stderr
    assert "hush-hush" not in refused.stderr


def test_nobody_else_on_the_machine_can_read_the_data(tmp_path: Path) -> None:
    with running(["dev", "--port", "0"], folder=tmp_path, env=dev(tmp_path)):
        files = list((tmp_path / "data").rglob("*"))
    assert {"convex.sqlite", "engine.sqlite", "local-user.pem"} <= {file.name for file in files}
    shared = [file.name for file in files if file.exists() and file.stat().st_mode & 0o077]
    assert shared == []


def test_secrets_are_in_no_command_line(tmp_path: Path) -> None:
    key = "an-internal-key-of-some-length"
    env = {**dev(tmp_path, "http://127.0.0.1:9"), "POLARIS_CONVEX_INTERNAL_KEY": key}
    with running(["dev", "--port", "0"], folder=tmp_path, env=env) as program:
        processes = [psutil.Process(program.process.pid), *children(program.process.pid)]
        lines = " ".join(part for process in processes for part in process.cmdline())
        assert "main.ts" in lines
        assert not [
            secret for secret in (key, "sk-ant-", program.ready["token"]) if secret in lines
        ]
    assert key not in program.log.read_text()


def test_a_wrong_model_list_ends_the_start_and_is_named(tmp_path: Path) -> None:
    env = environment(POLARIS_DATA_DIR=str(tmp_path), POLARIS_MODELS="acme:one")
    refused = run("dev", "--port", "0", env=env)
    assert refused.returncode == 2
    assert "polaris: POLARIS_MODELS: 'acme:one'" in refused.stderr


@pytest.mark.parametrize("command", ["api", "worker"])
def test_apart_the_processes_need_a_database_and_a_convex(command: str) -> None:
    refused = run(command)
    assert refused.returncode == 2
    assert "POLARIS_DATABASE_URL: " in refused.stderr
    assert "CONVEX_URL: " in refused.stderr


def test_every_command_is_listed() -> None:
    listed = run("--help").stdout
    assert all(
        command in listed for command in ("dev", "api", "worker", "convex", "model-server", "demo")
    )


async def test_convex_alone_runs_any_folder(tmp_path: Path) -> None:
    folder = tmp_path / "convex"
    folder.mkdir()
    (folder / "sums.js").write_text(
        'import { query } from "convex/server";\n'
        "export const add = query({ handler: (ctx, { a, b }) => a + b });\n".replace(
            "import { query }", "import { queryGeneric as query }"
        )
    )
    command = ["convex", "--dir", str(folder), "--data", str(tmp_path / "db" / "c.sqlite")]
    with running(command, folder=tmp_path, env=environment()) as program:
        async with api_at(program.ready["url"], "nobody", "") as convex:
            body = {"path": "sums:add", "args": {"a": 1, "b": 2}, "format": "json"}
            answer = await convex.call("POST", "/api/query", body, headers={"Authorization": ""})
        assert answer.body["value"] == 3
        assert program.stop() == 0


async def test_the_official_client_signs_in_with_the_local_users_token(tmp_path: Path) -> None:
    with running(["dev", "--port", "0"], folder=tmp_path, env=dev(tmp_path)) as program:
        token: str = program.ready["token"]
        async with api_at(program.ready["api"], "local", token) as api:
            project = await api.project("mine")
        listed = await asyncio.to_thread(_projects_of, program.ready["convex"], token)
        nobody = await asyncio.to_thread(_projects_of, program.ready["convex"], None)
    assert [entry["_id"] for entry in listed] == [project]
    assert nobody == "Unauthorized"
    assert ISSUER.startswith("https://")


def _projects_of(url: str, token: str | None) -> Any:
    """In a process of its own: the PyPI client keeps threads and the GIL."""
    script = (
        "import json, sys\n"
        "from convex.http_client import ConvexHttpClient\n"
        "client = ConvexHttpClient(sys.argv[1])\n"
        "if sys.argv[2]: client.set_auth(sys.argv[2])\n"
        "try: print(json.dumps(client.query('projects:get')))\n"
        "except Exception as error: print(json.dumps(getattr(error, 'data', {}).get('message')))\n"
    )
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", script, url, token or ""],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def test_a_command_that_cannot_start_says_so_and_is_not_ready(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the data folder should be")
    with pytest.raises(NotReady, match="exit code 1"):
        start(["dev", "--port", "0"], folder=tmp_path, env=dev(tmp_path))
