"""What is imported when: a start waits for what it needs, and for nothing else."""

import subprocess
import sys

import pytest

from tests.support.product import environment

SDKS = {
    "anthropic",
    "bs4",
    "github",
    "mcp",
    "mcp_types",
    "openai",
    "opentelemetry.sdk",
    "sentry_sdk",
}
PRODUCT = {"aiohttp", "app.wiring", "dbos", "engine", "fastapi", "sqlalchemy", "store"}


def imported_with(module: str) -> set[str]:
    script = f"import sys, {module}; print('\\n'.join(sys.modules))"
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", script],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("module", "without"),
    [
        ("app.main", SDKS | PRODUCT | {"rich.console"}),  # what every command waits for
        ("app.development", SDKS | {"app.wiring", "dbos", "engine", "fastapi", "sqlalchemy"}),
        ("app.wiring", SDKS | {"prompt_toolkit", "rich"}),
    ],
)
def test_a_module_does_not_bring_along_what_may_wait(module: str, without: set[str]) -> None:
    imported = imported_with(module)
    assert module in imported
    assert imported & without == set()
