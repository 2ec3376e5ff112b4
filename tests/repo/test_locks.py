"""Locks are complete, hashed, and name no address."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = [ROOT / "requirements" / "runtime.txt", ROOT / "requirements" / "dev.txt"]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_requirement_is_pinned_and_hashed(lock: Path) -> None:
    entries = re.split(r"\n(?=[a-zA-Z0-9])", lock.read_text())
    pinned = [entry for entry in entries if not entry.startswith("#")]
    assert pinned
    assert [
        entry.split()[0] for entry in pinned if "==" not in entry or "--hash=" not in entry
    ] == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_python_lock_names_no_address(lock: Path) -> None:
    assert "://" not in lock.read_text()


@pytest.mark.parametrize("folder", [".", "tests/support/browser", "tests/support/clients"])
def test_npm_lock_names_no_address(folder: str) -> None:
    lock = ROOT / folder / "package-lock.json"
    packages: dict[str, dict[str, Any]] = json.loads(lock.read_text())["packages"]
    assert [name for name, entry in packages.items() if "resolved" in entry] == []


def test_every_direct_dependency_is_in_the_locks_with_a_reason() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    project = tomllib.loads(text)
    direct: list[str] = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    lock = LOCKS[1].read_text().lower()
    for requirement in direct:
        name = re.split(r"[\[=<>~]", requirement)[0]
        assert f"\n{name}==" in lock, f"{name} is not locked"
        line = next(line for line in text.splitlines() if line.strip().startswith(f'"{name}'))
        assert "# " in line, f"{name} has no reason"
