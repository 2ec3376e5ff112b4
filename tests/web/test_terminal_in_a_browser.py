"""A terminal, its server and the preview of that, in Chromium on `polaris dev`."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.node import NODE
from tests.support.product import disposable
from tests.web.test_in_a_browser import PEOPLE, bears_a_kill, scripted, settings
from tools.sandbox.sandbox import Sandbox

COMMAND = "echo begun; node -e 'setTimeout(() => 0, 1e6)'"
RULES: tuple[dict[str, Any], ...] = (
    {
        "when": {"user_contains": "start it", "tool_results": 0},
        "reply": {"tool_calls": [{"name": "startProcess", "arguments": {"command": COMMAND}}]},
    },
    {"reply": {"text": "It runs."}},
)


@pytest.fixture
def model_url(tmp_path: Path) -> Iterator[str]:
    """A scripted model that plays `RULES`."""
    with scripted(RULES, tmp_path) as url:
        yield url


@pytest.fixture(autouse=True)
async def needs_user_namespaces() -> None:
    async with Sandbox(kinds=["bubblewrap"]) as sandbox:
        if sandbox.kind is None:
            pytest.skip("this machine has no user namespaces")


@pytest.mark.timeout(240)
def test_a_person_types_into_a_shell_and_looks_at_its_server(
    tmp_path: Path, model_url: str
) -> None:
    env = settings(model_url)
    with disposable(["dev"], folder=tmp_path, env=env) as program:
        done = subprocess.run(  # noqa: S603 - our own script
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


@pytest.mark.timeout(240)
@pytest.mark.thorough
def test_terminals_bear_ends_floods_other_windows_and_a_killed_server(
    tmp_path: Path, model_url: str
) -> None:
    bears_a_kill("terminal-trials.ts", tmp_path, model_url, asked_for="400")  # a port that is none
