"""Connecting a GitHub account on the page by a code, in Chromium, at a stand-in for GitHub."""

import json
import subprocess
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.node import NODE
from tests.app.http.github_app import app_environment
from tests.support.github import GithubStandIn, github_stand_in
from tests.support.product import disposable, environment
from tests.web.test_in_a_browser import PEOPLE


@contextmanager
def typed_in(github: GithubStandIn, shown: Path) -> Generator[None]:
    """Somebody types in the code at GitHub once the page has shown it."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.1):
            if shown.exists():
                github.login.type_in("octo")
                over.set()

    person = threading.Thread(target=watch)
    person.start()
    try:
        yield
    finally:
        over.set()
        person.join()


@pytest.mark.thorough
@pytest.mark.timeout(120)
def test_an_account_is_connected_by_a_code_and_let_go(tmp_path: Path) -> None:
    with github_stand_in(tmp_path / "github") as github:
        env = app_environment(environment(POLARIS_PORT="0", POLARIS_DATA_DIR="data"), github)
        with (
            disposable(["dev"], folder=tmp_path, env=env) as program,
            typed_in(github, tmp_path / "shown"),
        ):
            done = subprocess.run(  # noqa: S603 - our own script
                [NODE, PEOPLE / "github.ts", program.ready["web"], tmp_path],
                capture_output=True,
                check=False,
                text=True,
                timeout=100,
            )
    assert done.returncode == 0, done.stderr[-3000:]
    seen = json.loads(done.stdout.splitlines()[-1])
    assert not seen["complaints"], "\n".join(seen["complaints"])
    assert not seen["violations"], "\n".join(seen["violations"])
    assert "revoke" in github.login.asked
