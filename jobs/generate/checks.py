"""Which commands say whether a project is whole: read from its own files, whatever its stack."""

import json
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from llm.odd import object_in

NODE_MANIFEST = "package.json"
PYTHON_MANIFESTS = ("pyproject.toml", "requirements.txt")
MANIFESTS = (NODE_MANIFEST, *PYTHON_MANIFESTS)

_NO_TEST = "no test specified"  # in the script that npm writes
_VENV = "python -m venv --without-pip .venv"
_PIP = "pip --python .venv/bin/python install -q"


@dataclass(frozen=True)
class Planned:
    """A command to run in the project's folder; one that installs needs package registries."""

    command: str
    installs: bool = False


@dataclass(frozen=True)
class Checks:
    """What is to be run, in order; `trouble` says what is wrong before anything runs."""

    planned: tuple[Planned, ...] = ()
    trouble: str = ""


def checks_of(paths: Collection[str], manifests: Mapping[str, bytes]) -> Checks:
    """Install, type-check, build and test, as far as the project has them.

    `manifests` are the contents of those of `MANIFESTS` that it has.
    """
    planned: list[Planned] = []
    if NODE_MANIFEST in manifests:
        try:
            read = json.loads(manifests[NODE_MANIFEST])
        except (ValueError, RecursionError) as fault:
            return Checks(trouble=f"package.json is no JSON: {fault}")
        manifest = object_in(read)
        if manifest is not read:
            return Checks(trouble="package.json is no JSON object")
        planned += _of_node(paths, manifest)
    if any(name in manifests for name in PYTHON_MANIFESTS):
        try:
            planned += _of_python(paths, manifests)
        except (ValueError, RecursionError) as fault:
            return Checks(trouble=f"pyproject.toml cannot be read: {fault}")
    return Checks(tuple(planned))


def _of_node(paths: Collection[str], manifest: Mapping[str, Any]) -> list[Planned]:
    scripts = object_in(manifest.get("scripts"))
    declared = {
        **object_in(manifest.get("dependencies")),
        **object_in(manifest.get("devDependencies")),
    }
    planned: list[Planned] = []
    if declared:
        planned.append(Planned("npm install --no-audit --no-fund", installs=True))
    if "typecheck" in scripts:
        planned.append(Planned("npm run typecheck"))
    elif "tsconfig.json" in paths:
        planned.append(Planned("tsc --noEmit"))
    if "build" in scripts:
        planned.append(Planned("npm run build"))
    if "test" in scripts and _NO_TEST not in str(scripts["test"]):
        planned.append(Planned("npm test"))
    return planned


def _of_python(paths: Collection[str], manifests: Mapping[str, bytes]) -> list[Planned]:
    planned: list[Planned] = []
    needed, has_extra = _needed_by_python(manifests)
    has_tests = any(path.startswith(("tests/", "test/", "test_")) for path in paths)
    if needed or has_tests:
        planned.append(Planned(_VENV))
        wanted = ["pytest"] if has_tests else []
        if "requirements.txt" in manifests:
            wanted.append("-r requirements.txt")
        if "pyproject.toml" in manifests:
            wanted.append("-e '.[test]'" if has_extra else "-e .")
        planned.append(Planned(f"{_PIP} {' '.join(wanted)}", installs=True))
    planned.append(Planned("python -m compileall -q -x '[.]venv|node_modules' ."))
    if has_tests:
        planned.append(Planned("python -m pytest -q"))
    return planned


def _needed_by_python(manifests: Mapping[str, bytes]) -> tuple[bool, bool]:
    """Whether packages are declared, and whether there is an extra named `test`.

    Raises: ValueError: pyproject.toml cannot be read.
    """
    lines = manifests.get("requirements.txt", b"").decode(errors="replace").splitlines()
    needed = any(line.strip() and not line.strip().startswith("#") for line in lines)
    read = tomllib.loads(manifests.get("pyproject.toml", b"").decode())
    project = object_in(read.get("project"))
    extras = object_in(project.get("optional-dependencies"))
    return needed or bool(project.get("dependencies") or extras), "test" in extras
