"""`polaris backup` and `restore`: what was killed goes on elsewhere as if nothing had been."""

import asyncio
import json
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest

from tests.support.api_client import Api, api_at, local_user
from tests.support.commands import polaris, refused
from tests.support.product import environment, running, start

pytestmark = pytest.mark.timeout(240)

SAID = "All work and no play. "
SLOW = {"text": SAID, "repeat": 40, "pace": {"chars_per_s": 200}}


async def seen_of(api: Api, project: str, conversation: str) -> dict[str, Any]:
    """All that its person sees."""
    return {
        "projects": await api.ok("GET", "/api/projects"),
        "tree": await api.ok("GET", f"/api/projects/{project}/files"),
        "text": await api.ok("GET", f"/api/projects/{project}/files/content?path=a.txt"),
        "messages": await api.ok("GET", f"/api/conversations/{conversation}/messages"),
    }


async def test_what_was_killed_goes_on_where_it_is_restored(tmp_path: Path) -> None:
    """The copy of a process that was killed in the middle of an answer finishes that answer."""
    scenario = tmp_path / "scenario.json"
    scenario.write_text(json.dumps({"rules": [], "otherwise": SLOW}))
    kept, copy = tmp_path / "polaris.backup", tmp_path / "elsewhere" / "data"
    command = ["model-server", "--scenario", str(scenario)]
    with running(command, folder=tmp_path, env=environment()) as model:
        env = environment(
            ANTHROPIC_API_KEY="sk-ant-x", ANTHROPIC_BASE_URL=model.ready["url"], POLARIS_GRACE_S="1"
        )
        at_home = env | {"POLARIS_DATA_DIR": str(tmp_path / "data")}
        dev = start(["dev", "--port", "0"], folder=tmp_path, env=at_home)
        async with local_user(dev) as api:
            project = await api.project()
            path = f"/api/projects/{project}/files/content?path=a.txt"
            await api.ok("PUT", path, data=b"line 1\n")
            conversation = await api.conversation(project)
            sent = await api.send(conversation, "say it slowly")
            answer = sent["messageId"]
            await api.until_streaming(answer)
            taken = await asyncio.to_thread(polaris, "backup", str(kept), env=at_home)
            refused(taken, "in use")
            assert not kept.exists()
            dev.kill()
        made = await asyncio.to_thread(polaris, "backup", str(kept), env=at_home)
        assert made.returncode == 0, made.stderr
        assert [each["name"] for each in json.loads(made.stdout)["files"]] == [
            "convex.sqlite",
            "engine.sqlite",
            "local-user.pem",
            "project-secrets.key",
        ]
        assert kept.stat().st_mode & 0o777 == 0o600
        refused(await asyncio.to_thread(polaris, "backup", str(kept), env=at_home), "exists")
        refused(await asyncio.to_thread(polaris, "restore", str(kept), env=at_home), "not empty")
        away = env | {"POLARIS_DATA_DIR": str(copy)}
        restored = await asyncio.to_thread(polaris, "restore", str(kept), env=away)
        assert restored.returncode == 0, restored.stderr
        ends: list[dict[str, Any]] = []
        for each in (away, at_home):
            with running(["dev", "--port", "0"], folder=tmp_path, env=each) as again:
                async with api_at(again.ready["api"], "local", dev.ready["token"]) as api:
                    assert (await api.until_final(answer))["status"] == "completed"
                    ends.append(await seen_of(api, project, conversation))
        first, second = (without_times(end) for end in ends)
        assert first == second
        assert SAID * 40 in json.dumps(first["messages"])
        left = sorted(each.name for each in copy.parent.iterdir())
        assert left == ["data"]


def without_times(value: Any) -> Any:
    """The two finish the same answer at different times."""
    if isinstance(value, dict):
        kept = {"createdAt", "_creationTime"}
        fields = cast("dict[str, Any]", value)
        return {
            name: without_times(each)
            for name, each in fields.items()
            if name in kept or not name.endswith("At")
        }
    if isinstance(value, list):
        return [without_times(each) for each in cast("list[Any]", value)]
    return value


def installation(folder: Path) -> dict[str, str]:
    """A data folder as a stopped `polaris dev` leaves it, without starting one."""
    folder.mkdir(parents=True)
    for name in ("convex.sqlite", "engine.sqlite"):
        with closing(sqlite3.connect(folder / name)) as database:
            database.execute("PRAGMA journal_mode=WAL")
            database.execute("CREATE TABLE things (text TEXT)")
            database.executemany("INSERT INTO things VALUES (?)", [(name * 50,)] * 500)
            database.commit()
    return environment(POLARIS_DATA_DIR=str(folder))


@pytest.mark.parametrize("spoiled", ["cut", "changed", "another", "climbs"])
def test_a_spoiled_backup_restores_nothing(tmp_path: Path, spoiled: str) -> None:
    env = installation(tmp_path / "data")
    kept = tmp_path / "kept"
    assert polaris("backup", str(kept), env=env).returncode == 0
    whole = kept.read_bytes()
    match spoiled:
        case "cut":
            kept.write_bytes(whole[: len(whole) // 2])
        case "changed":
            at = len(whole) - len(whole) // 3
            kept.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        case "another":
            kept.write_bytes(b"something else\n" * 1000)
        case _:
            with tarfile.open(kept, "w") as archive:
                archive.add(tmp_path / "data" / "convex.sqlite", arcname="../../climbed")
    empty = tmp_path / "new"
    refused(polaris("restore", str(kept), env=environment(POLARIS_DATA_DIR=str(empty))), "kept")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["data", "kept"]


def test_where_the_data_is_elsewhere_both_say_so(tmp_path: Path) -> None:
    key = {"POLARIS_CONVEX_INTERNAL_KEY": "a key that is long enough"}
    env = environment(CONVEX_URL="http://127.0.0.1:1", **key)
    refused(polaris("backup", str(tmp_path / "kept"), env=env), "npx convex export")
    env = environment(POLARIS_DATA_DIR=str(tmp_path / "nothing"))
    refused(polaris("backup", str(tmp_path / "kept"), env=env), "holds no data")
