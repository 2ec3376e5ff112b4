"""Stacks that need no package, made by a scripted model and built for real in the sandbox.

All five, with their packages: `python -m bench.generate templates`.
"""

import json
from collections.abc import Mapping

import pytest

from bench.generate_templates import written
from jobs.generate.checks import checks_of
from jobs.generate.plan import STEPS
from jobs.generate.stacks import StackName
from tests.jobs.generate.site import Author, Site, thorough

pytestmark = pytest.mark.timeout(120)


def alone(stack: StackName) -> dict[str, dict[str, str]]:
    """The template without what it declares: nothing of it has to be fetched."""
    parts = written(stack)
    config = dict(parts["config"])
    if "package.json" in config:
        config["package.json"] = json.dumps(json.loads(config["package.json"]) | NOTHING)
    else:
        parts["utilities"] = {"notes/utilities.md": "# No tests: they need pytest\n"}
        config["pyproject.toml"] = '[project]\nname = "made"\nversion = "0.1"\n'
    return parts | {"config": config}


NOTHING: Mapping[str, dict[str, str]] = {"dependencies": {}, "devDependencies": {}}
COMMANDS = {
    StackName.TYPESCRIPT_LIBRARY: ["tsc --noEmit", "npm run build", "npm test"],
    StackName.PYTHON_PACKAGE: ["python -m compileall -q -x '[.]venv|node_modules' ."],
}


@pytest.mark.parametrize(
    "stack", [StackName.PYTHON_PACKAGE, thorough(StackName.TYPESCRIPT_LIBRARY)]
)  # the demo has a library, too
async def test_a_stack_without_packages_is_verified(site: Site, stack: StackName) -> None:
    if site.sandbox.kind is None:
        pytest.skip("this machine offers no sandbox")
    site.model = author = Author()
    author.files = alone(stack)
    async with site.worker() as engine:
        generation = await site.made(engine, stack=stack.value)
    found = generation.verification
    assert found is not None
    assert (found.state, found.repairs) == ("verified", 0), found
    assert [check.command for check in found.checks] == COMMANDS[stack]


@pytest.mark.parametrize("stack", StackName)
def test_each_stack_is_installed_and_then_checked(stack: StackName) -> None:
    parts = written(stack)
    assert set(parts) == {step.part for step in STEPS}
    files = {path: text.encode() for part in parts.values() for path, text in part.items()}
    found = checks_of(files, {name: data for name, data in files.items() if "/" not in name})
    assert found.trouble == ""
    installs = [planned.installs for planned in found.planned]
    assert installs.count(True) == 1
    assert not installs[-1], "what is installed is put to something"
