"""Our packages are the ones that get imported, whatever dependencies bring along."""

import importlib.util
from pathlib import Path

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
