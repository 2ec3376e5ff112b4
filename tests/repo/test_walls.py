"""What has to stand behind a wall of the import contracts does, also when it is new."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("app", "jobs", "agent", "tools", "llm", "store", "embedded_convex", "engine", "core")
SDKS = {"anthropic", "openai"}
WIRING = "Only the wiring picks an implementation"


def protected(contract: str) -> tuple[str, ...]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (wall,) = [found for found in settings["contracts"] if found["name"] == contract]
    return tuple(wall["protected_modules"])


def is_behind(module: str, walls: tuple[str, ...]) -> bool:
    return any(module == wall or module.startswith(f"{wall}.") for wall in walls)


def modules(folder: str) -> Iterator[tuple[str, ast.Module]]:
    for path in sorted((ROOT / folder).rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        yield name, ast.parse(path.read_text())


def calls(tree: ast.Module, name: str) -> bool:
    """Whether a module makes one of these at its top, as tools and jobs are made."""
    return any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
        for statement in tree.body
        if isinstance(statement, ast.Assign | ast.AnnAssign)
        for node in ast.walk(statement)
    )


def imports(tree: ast.Module) -> set[str]:
    names = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    names += [
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    ]
    return {name.partition(".")[0] for name in names}


def test_every_module_that_makes_a_tool_is_picked_by_the_wiring_alone() -> None:
    makers = [name for name, tree in modules("tools") if calls(tree, "Tool")]
    assert makers
    assert [name for name in makers if not is_behind(name, protected(WIRING))] == []


def test_every_module_that_imports_a_sdk_is_picked_by_the_wiring_alone() -> None:
    users = [name for folder in FOLDERS for name, tree in modules(folder) if imports(tree) & SDKS]
    assert users
    assert [name for name in users if not is_behind(name, protected(WIRING))] == []


@pytest.mark.parametrize("wall", [WIRING, "Job bodies are reached by events, never by import"])
def test_a_wall_names_what_there_is(wall: str) -> None:
    there = {name for folder in FOLDERS for name, _ in modules(folder)}
    assert [name for name in protected(wall) if name not in there] == []
