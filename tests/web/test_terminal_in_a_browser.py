"""A terminal, its server and the preview of that, in Chromium on `polaris dev`."""

import json
import subprocess
from pathlib import Path

import pytest

from core.node import NODE
from tests.support.product import disposable, environment
from tests.web.test_in_a_browser import PEOPLE
from tools.sandbox.sandbox import Sandbox


@pytest.mark.timeout(240)
async def test_a_person_types_into_a_shell_and_looks_at_its_server(tmp_path: Path) -> None:
    async with Sandbox(kinds=["bubblewrap"]) as sandbox:
        if sandbox.kind is None:
            pytest.skip("this machine has no user namespaces")
    env = environment(POLARIS_PORT="0", POLARIS_PREVIEW_PORT="0", POLARIS_DATA_DIR="data")
    with disposable(["dev"], folder=tmp_path, env=env) as program:
        done = subprocess.run(  # noqa: ASYNC221, S603 - our own script, and nothing else waits
            [NODE, PEOPLE / "terminal.ts", program.ready["web"], tmp_path],
            capture_output=True,
            check=False,
            text=True,
            timeout=200,
        )
    assert done.returncode == 0, done.stderr[-3000:]
    seen = json.loads(done.stdout.splitlines()[-1])
    assert not seen["complaints"], "\n".join(seen["complaints"])
    assert not seen["violations"], "\n".join(seen["violations"])
