"""A terminal, its server and the preview of that, in Chromium on `polaris dev`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.product import disposable
from tests.web.people import OF_A_STRANGER, bears_a_kill, plays, scripted, settings
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
    with disposable(["dev"], folder=tmp_path, env=settings(model_url)) as program:
        plays("terminal.ts", program.ready["web"], tmp_path)


A_PORT_THAT_IS_NONE = "400"


@pytest.mark.timeout(240)
@pytest.mark.thorough
def test_terminals_bear_ends_floods_other_windows_and_a_killed_server(
    tmp_path: Path, model_url: str
) -> None:
    def env_on(port: int) -> dict[str, str]:
        return settings(model_url, port=port)

    provoked = (*OF_A_STRANGER, A_PORT_THAT_IS_NONE)
    bears_a_kill("terminal-trials.ts", tmp_path, env_on, provoked=provoked)
