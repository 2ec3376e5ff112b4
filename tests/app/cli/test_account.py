"""`polaris account`: an operator exports or deletes what is a person's."""

import json
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.support.api_client import local_user
from tests.support.commands import polaris, refused
from tests.support.product import environment, running
from tests.support.waiting import until_answered

pytestmark = pytest.mark.timeout(180)


def account(*command: str, data: Path) -> subprocess.CompletedProcess[str]:
    return polaris("account", *command, "--data", str(data), env=environment())


def left_behind(folder: Path) -> list[Path]:
    return list(folder.glob(".polaris-account-*"))


@pytest.mark.thorough
async def test_an_operator_exports_an_account_and_has_it_deleted(tmp_path: Path) -> None:
    data, target = tmp_path / "data", tmp_path / "account.zip"
    env = environment(ANTHROPIC_API_KEY="sk-ant-x", POLARIS_DATA_DIR=str(data), POLARIS_GRACE_S="1")
    command = ["dev", "--port", "0"]
    refused(account("export", "local", str(target), data=data), "holds no data")
    with running(command, folder=tmp_path, env=env) as dev:
        async with local_user(dev) as api:
            project_id = await api.project()
            await api.ok("PUT", f"/api/projects/{project_id}/files/a.txt", data=b"mine")
        refused(account("export", "local", str(target), data=data), "stop it first")
        refused(account("delete", "local", "--yes", data=data), "stop it first")

    done = account("export", "local", str(target), data=data)
    assert json.loads(done.stdout)["bytes"] == target.stat().st_size
    with zipfile.ZipFile(target) as archive:
        assert b"mine" in [archive.read(name) for name in archive.namelist()]
    assert target.stat().st_mode & 0o077 == 0
    refused(account("export", "local", str(target), data=data), "exists")
    assert not left_behind(tmp_path)

    refused(account("delete", "local", data=data), "--yes")
    assert json.loads(account("delete", "local", "--yes", data=data).stdout)["requested"] is True
    with running(command, folder=tmp_path, env=env) as dev:
        async with local_user(dev) as api:

            async def is_deleted() -> bool:
                return "deletionRequestedAt" not in await api.ok("GET", "/api/account")

            await until_answered(is_deleted, timeout_s=90)
            assert await api.ok("GET", "/api/projects") == {"projects": []}
