"""CONTRIBUTING.md and docs/ name paths, names, modules and commands that there are."""

import importlib.util
import re
import shlex
from pathlib import Path
from typing import Any, cast

import pytest
import typer.main
import yaml

from app.main import cli
from tests.repo.test_readme import blocks, code_of

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "CONTRIBUTING.md"
PAGES = [
    GUIDE,
    ROOT / "README.md",
    ROOT / "SECURITY.md",
    *sorted((ROOT / ".github").rglob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
MAKEFILE = (ROOT / "Makefile").read_text()
KINDS = "py|ts|tsx|js|json|md|toml|yaml|yml|txt|html|css"
# Ours by name as well, so that a page which names one that is gone is found.
PACKAGES = {
    "agent",
    "app",
    "bench",
    "core",
    "embedded_convex",
    "engine",
    "jobs",
    "llm",
    "store",
    "tests",
    "tools",
}
OTHERS = {"convex", "docker", "docs", "requirements", ".ci", ".github"}
INSTALLED = {"node_modules"}
FOUND = {path.name for path in ROOT.iterdir() if path.is_dir() and path.name[0] != "."}
FOLDERS = (FOUND | PACKAGES | OTHERS) - INSTALLED
# A package for browsers; names of events.
NOT_OURS = re.compile(r"convex/react|engine/(\*|[a-z]+\.(?!py$)[a-z.]+)")

by_page = pytest.mark.parametrize(
    "page", PAGES, ids=lambda page: cast("Path", page).relative_to(ROOT).as_posix()
)


def quoted(page: Path) -> list[str]:
    """What stands between backticks in the text; examples in blocks are run by other tests."""
    prose = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"`([^`\n]+)`", prose)


def is_path(name: str) -> bool:
    """Whether it is meant as a path in the repository; one with `…` is short for several."""
    if not re.fullmatch(r"[\w./*-]+", name) or NOT_OURS.fullmatch(name):
        return False
    return name.split("/", maxsplit=1)[0] in FOLDERS and "/" in name


def in_root(name: str) -> bool:
    """Whether the guide means a file beside it."""
    return bool(re.fullmatch(rf"\.?[\w-]+(\.({KINDS}))?\.(example|{KINDS})|Makefile", name))


@by_page
def test_every_path_exists(page: Path) -> None:
    named = [name for name in quoted(page) if is_path(name)]
    assert [name for name in named if not any(ROOT.glob(name.rstrip("/")))] == []


def test_the_paths_of_the_guide_are_seen_as_such() -> None:
    named = [name for name in quoted(GUIDE) if is_path(name)]
    assert len(named) > 60
    beside = [name for name in quoted(GUIDE) if in_root(name)]
    assert {"pyproject.toml", ".env.example", "CHANGELOG.md"} <= set(beside)
    assert [name for name in beside if not (ROOT / name).exists()] == []


def test_every_name_that_is_said_to_be_in_a_file_is_there() -> None:
    found = re.findall(r"`(\w+)` in `([\w./-]+)`", GUIDE.read_text())
    assert len(found) > 8
    assert [
        (name, path)
        for name, path in found
        if not re.search(rf"\b{name}\b", (ROOT / path).read_text())
    ] == []


def test_every_contract_that_is_named_is_one() -> None:
    settings = (ROOT / "pyproject.toml").read_text()
    named = re.findall(r'contract\s+"([^"]+)"', GUIDE.read_text())
    assert named
    assert [name for name in named if f'name = "{name}"' not in settings] == []


@by_page
def test_every_module_that_is_started_exists(page: Path) -> None:
    named = re.findall(r"python -m ([a-z_.]+)", code_of(page))
    assert [name for name in named if importlib.util.find_spec(name) is None] == []


@by_page
def test_every_command_of_polaris_exists(page: Path) -> None:
    known: dict[str, object] = getattr(typer.main.get_command(cli), "commands", {})
    named = re.findall(r"(?:^|\s)polaris ([a-z-]+)", code_of(page), re.MULTILINE)
    assert set(named) - set(known) == set()


@by_page
def test_every_variable_that_make_is_given_is_read(page: Path) -> None:
    given = {
        word.split("=")[0]
        for line in code_of(page).splitlines()
        if line.startswith("make ")
        for word in line.split("#")[0].split()
        if re.match(r"[A-Z]+=", word)
    }
    assert {name for name in given if f"$({name})" not in MAKEFILE} == set()


def test_the_paths_of_its_examples_exist() -> None:
    examples = "\n".join(blocks(GUIDE.read_text(), "sh"))
    paths = re.findall(r"T=(\S+)", examples)
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_hook_is_a_command_of_the_check() -> None:
    check = MAKEFILE.split("\ncheck:")[1].split("\n\n")[0].replace("$(BIN)", ".venv/bin")
    commands = [shlex.split(line)[:-1] for line in check.splitlines() if line.endswith(" .")]
    configured: dict[str, Any] = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    hooks = [hook for repo in configured["repos"] for hook in repo["hooks"]]
    assert {repo["repo"] for repo in configured["repos"]} == {"local"}
    assert hooks
    assert [hook for hook in hooks if shlex.split(hook["entry"]) not in commands] == []


def test_the_version_is_the_newest_of_the_changelog_or_still_to_come() -> None:
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    sections = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert version
    assert sections[0] == "Unreleased"
    assert sections[1:2] in ([], [version[1]])
