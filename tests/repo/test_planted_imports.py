"""The contracts of imports hold for a module that is new, without an edit of pyproject.toml."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from app.settings import own_environment

ROOT = Path(__file__).parents[2]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]

# A module that nobody knows, what it imports, and the contract that it breaks.
PLANTED = [
    ("app.http.planted_a", "tools", "Routes touch neither tools nor the agent nor jobs"),
    (
        "app.http.planted_b.routes",
        "agent",
        "Routes touch neither tools nor the agent nor jobs",
    ),
    ("app.http.planted_c", "jobs", "Routes touch neither tools nor the agent nor jobs"),
    ("app.http.planted_d", "socket", "Routes, services and the loop do no I/O of their own"),
    ("app.services.planted", "aiohttp", "Routes, services and the loop do no I/O of their own"),
    ("app.services.planted_b", "app.http.access", "The rooms of app form one ladder"),
    ("app.identity.planted", "fastapi", "FastAPI is known to the HTTP API only"),
    ("jobs.planted", "starlette", "FastAPI is known to the HTTP API only"),
    ("app.http.planted_f", "sentry_sdk", "Sentry is known to its reports only"),
    ("app.cli.planted", "app.http.access", "The command line imports no routes"),
    ("app.http.planted_e", "app.http.rates.postgres", "Only the wiring picks an implementation"),
]


def plant(folder: Path, module: str, imported: str) -> None:
    path = folder.joinpath(*module.split(".")).with_suffix(".py")
    path.parent.mkdir(parents=True, exist_ok=True)
    (path.parent / "__init__.py").touch()
    path.write_text(f"import {imported}\n")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the linter says of a copy of our packages in which all of them are planted."""
    folder = tmp_path_factory.mktemp("walls")
    shutil.copy(ROOT / "pyproject.toml", folder)
    for package in SETTINGS["root_packages"]:
        no_code = shutil.ignore_patterns("__pycache__", "*.ts", "*.json")
        shutil.copytree(ROOT / package, folder / package, ignore=no_code)
    for module, imported, _ in PLANTED:
        plant(folder, module, imported)
    plant(folder, "app.planted_room.planted", "core.ids")
    script = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", script, "--no-cache"],
        cwd=folder,
        env={**own_environment(), "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


def complaints(told: str) -> dict[str, str]:
    """By contract that is broken, what is said of it."""
    parts = re.split(r"^(.+)\n-+\n", told.split("Broken contracts")[1], flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("module", "imported", "contract"), PLANTED)
def test_a_new_module_is_behind_the_walls(
    told: str, module: str, imported: str, contract: str
) -> None:
    assert f"{module} -> {imported} (l.1)" in complaints(told)[contract]


@pytest.mark.timeout(120)
def test_a_new_room_of_app_has_to_take_its_place(told: str) -> None:
    assert "planted_room" in complaints(told)["The rooms of app form one ladder"]
