"""Our packages are the ones that get imported; a wheel holds all that runs."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
OURS = ["app", "jobs", "agent", "tools", "llm", "store", "engine", "embedded_convex", "core"]


@pytest.mark.parametrize("name", OURS)
def test_package_comes_from_this_checkout(name: str) -> None:
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    assert Path(spec.origin).is_relative_to(ROOT / name)


def test_convex_is_the_client_from_the_registry_not_our_folder() -> None:
    spec = importlib.util.find_spec("convex")
    assert spec is not None
    assert spec.origin is not None
    assert not Path(spec.origin).is_relative_to(ROOT / "convex")


def test_a_wheel_holds_the_page_and_its_embedded_convex_runs(tmp_path: Path) -> None:
    subprocess.run(  # noqa: S603 - our own tool chain
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", tmp_path],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    [wheel] = tmp_path.glob("*.whl")
    home = tmp_path / "installed"
    ZipFile(wheel).extractall(home)
    assert (home / "web" / "dist" / "index.html").is_file()
    (home / "node_modules").symlink_to(ROOT / "node_modules")  # `npm ci` puts them there
    functions = ROOT / "tests" / "embedded_convex" / "fixtures" / "crons"
    command = ["convex", "--dir", functions, "--data", tmp_path / "data.sqlite"]
    with subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "app.main", *command], cwd=home, stdout=subprocess.PIPE
    ) as program:
        assert program.stdout is not None
        ready = program.stdout.readline()
        program.terminate()
    assert json.loads(ready).keys() == {"url", "site"}
    assert program.returncode == 0
