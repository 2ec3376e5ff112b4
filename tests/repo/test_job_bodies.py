"""Job bodies replay, so outside a step they touch no clock, network, disk or chance."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
FORBIDDEN_MODULES = {"aiohttp", "httpx", "random", "requests", "secrets", "socket", "time", "uuid"}
FORBIDDEN_CALLS = {("asyncio", "sleep"), ("asyncio", "to_thread")}


def job_modules() -> list[Path]:
    """Those with a body under `@job`, and those that are given a body's context."""
    return [
        path
        for path in sorted((ROOT / "jobs").rglob("*.py"))
        if any(
            isinstance(node, ast.Name) and node.id in {"job", "JobContext"}
            for node in ast.walk(ast.parse(path.read_text()))
        )
    ]


def offences(path: Path) -> list[str]:
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name in FORBIDDEN_MODULES]
        elif isinstance(node, ast.ImportFrom) and node.module in FORBIDDEN_MODULES:
            found.append(str(node.module))
        elif isinstance(node, ast.Call):
            target = node.func
            if isinstance(target, ast.Name) and target.id == "open":
                found.append("open")
            if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
                name = (target.value.id, target.attr)
                found += [".".join(name)] if name in FORBIDDEN_CALLS else []
    return found


def test_there_are_job_bodies_to_check() -> None:
    assert {path.name for path in job_modules()} >= {"process_message.py", "answer.py"}


def test_job_bodies_do_no_io_of_their_own() -> None:
    assert {str(path): offences(path) for path in job_modules() if offences(path)} == {}
