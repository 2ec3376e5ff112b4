"""What is committed under convex/_generated is what the functions generate."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODEGEN = ["npx", "convex", "codegen", "--system-udfs", "--typecheck", "disable"]


@pytest.mark.timeout(120)
def test_generated_types_fit_the_functions(tmp_path: Path):
    shutil.copytree(ROOT / "convex", tmp_path / "convex")
    shutil.copy(ROOT / "package.json", tmp_path)
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    generated = tmp_path / "convex" / "_generated"
    shutil.rmtree(generated)
    done = subprocess.run(  # noqa: S603 - our own tool chain
        [sys.executable, "-m", "core.node", *CODEGEN],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    committed = ROOT / "convex" / "_generated"
    names = sorted(path.name for path in committed.iterdir())
    assert sorted(path.name for path in generated.iterdir()) == names
    for name in names:
        assert (generated / name).read_text() == (committed / name).read_text(), (
            f"convex/_generated/{name} is out of date: run `make codegen`"
        )
