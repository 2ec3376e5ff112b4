"""Connecting a GitHub account on the page by a code, in Chromium, at a stand-in for GitHub."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.github import GithubStandIn, github_stand_in
from tests.support.github_app import app_environment
from tests.support.product import disposable
from tests.web.people import plays, settings


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
        env = app_environment(settings(), github)
        with (
            disposable(["dev"], folder=tmp_path, env=env) as program,
            typed_in(github, tmp_path / "shown"),
        ):
            plays("github.ts", program.ready["web"], tmp_path)
    assert "revoke" in github.login.asked
