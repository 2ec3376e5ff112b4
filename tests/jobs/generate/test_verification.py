"""What a generated project is put to, and how often it is mended."""

import json
from typing import Any

import pytest

from jobs.generate.checks import checks_of
from llm.model import ModelRequest, Turn
from store.records import MessageStatus
from tests.jobs.generate.site import FILES, Author, Site, has_written, part_asked
from tests.support.scripted_turns import call, calls, says
from tools.sandbox.sandbox import Sandbox

pytestmark = pytest.mark.timeout(180)

BUILD = "if (!require('fs').readFileSync('src/main.js').includes('= 1')) throw Error('no main');"


def manifest(**more: Any) -> str:
    return json.dumps({"name": "ledger", "private": True, **more})


class Builder(Author):
    """Makes a project that is built by a script; `mends` says whether repairs do."""

    def __init__(self, *, works: bool, mends: bool = False, **more: Any) -> None:
        super().__init__()
        scripts = {"build": "node build.js", "test": "node -e 0"}
        broken = {} if works else {"src/main.js": "export const main = 2;\n"}
        self.files = FILES | {
            "config": {"package.json": manifest(scripts=scripts, **more), "build.js": BUILD},
            "source structure": FILES["source structure"] | broken,
        }
        self.mends = mends

    def _reply(self, request: ModelRequest) -> Turn:
        if part_asked(request) != "repair":
            return super()._reply(request)
        if has_written(request) or not self.mends:
            return says("I looked at it.")
        old, new = "main = 2", "main = 1"
        read = call("r", "readFile", path="src/main.js")
        edit = call("e", "editFile", path="src/main.js", oldString=old, newString=new)
        return calls(read, edit)


def repairs_asked(site: Site) -> int:
    return sum(part_asked(each) == "repair" for each in site.model.requests)


async def made(site: Site, builder: Builder) -> Any:
    if site.sandbox.kind is None:
        pytest.skip("this machine offers no sandbox")
    site.model = builder
    async with site.worker() as engine:
        generation = await site.made(engine)
    assert generation.status is MessageStatus.COMPLETED
    assert generation.verification is not None
    return generation


async def test_a_project_that_builds_is_verified_with_evidence(site: Site) -> None:
    generation = await made(site, Builder(works=True))
    found = generation.verification
    assert (found.state, found.reason, found.repairs) == ("verified", "", 0)
    assert [(check.command, check.exit_code) for check in found.checks] == [
        ("npm run build", 0),
        ("npm test", 0),
    ]
    log = await site.log(generation.project_id)
    assert ("step", "Completed verify-project") in log
    assert any(message.startswith("npm run build: exit code 0 after") for _, message in log)
    assert "node_modules" not in str(await site.files(generation.project_id))


async def test_an_error_is_given_to_the_agent_which_mends_it(site: Site) -> None:
    generation = await made(site, Builder(works=False, mends=True))
    found = generation.verification
    assert (found.state, found.repairs) == ("verified", 1)
    asked = next(each for each in site.model.requests if part_asked(each) == "repair")
    told = str(asked.messages[-1])
    assert "`npm run build` ended with exit code 1" in told
    assert "no main" in told
    files = await site.files(generation.project_id)
    assert files["src/main.js"] == "export const main = 1;\n"


async def test_a_project_that_never_builds_is_mended_three_times_and_said_to_fail(
    site: Site,
) -> None:
    generation = await made(site, Builder(works=False))
    found = generation.verification
    assert (found.state, found.repairs) == ("failed", 3)
    assert "`npm run build` ended with exit code 1" in found.reason
    assert [(check.command, check.exit_code) for check in found.checks] == [("npm run build", 1)]
    assert "no main" in found.checks[0].output
    assert repairs_asked(site) == 3


async def test_without_a_registry_nobody_is_asked_to_mend_what_cannot_be_installed(
    site: Site,
) -> None:
    generation = await made(site, Builder(works=True, dependencies={"left-pad": "^1.3.0"}))
    found = generation.verification
    assert (found.state, found.repairs, found.checks) == ("notVerified", 0, ())
    assert "POLARIS_PACKAGE_REGISTRIES" in found.reason
    assert repairs_asked(site) == 0


async def test_without_a_sandbox_it_is_said_that_nothing_was_verified(site: Site) -> None:
    async with Sandbox(kinds=(), scratch=site.folder) as nothing:
        site.sandbox, site.model = nothing, Builder(works=True)
        async with site.worker() as engine:
            generation = await site.made(engine)
    assert generation.status is MessageStatus.COMPLETED
    assert generation.verification is not None
    assert generation.verification.state == "notVerified"
    assert "no sandbox" in generation.verification.reason


NODE = {"scripts": {"dev": "vite", "build": "vite build"}, "devDependencies": {"vite": "^7"}}
PYTHON = '[project]\nname = "a"\ndependencies = ["fastapi"]\n'
PLANS: dict[str, tuple[dict[str, str], list[str]]] = {
    "nothing": ({"README.md": "# A"}, []),
    "node": (
        {"package.json": json.dumps(NODE), "tsconfig.json": "{}"},
        ["npm install --no-audit --no-fund", "tsc --noEmit", "npm run build"],
    ),
    "no test": (
        {"package.json": manifest(scripts={"test": 'echo "Error: no test specified" && exit 1'})},
        [],
    ),
    "own type check": (
        {"package.json": manifest(scripts={"typecheck": "tsc -b"}), "tsconfig.json": "{}"},
        ["npm run typecheck"],
    ),
    "python": (
        {"pyproject.toml": PYTHON, "tests/test_a.py": ""},
        [
            "python -m venv --without-pip .venv",
            "pip --python .venv/bin/python install -q pytest -e .",
            "python -m compileall -q -x '[.]venv|node_modules' .",
            "python -m pytest -q",
        ],
    ),
    "a script": (
        {"requirements.txt": "# none\n", "a.py": ""},
        ["python -m compileall -q -x '[.]venv|node_modules' ."],
    ),
}


@pytest.mark.parametrize(("files", "commands"), PLANS.values(), ids=PLANS)
def test_commands_come_from_the_projects_own_files(
    files: dict[str, str], commands: list[str]
) -> None:
    found = checks_of(files, {name: text.encode() for name, text in files.items()})
    assert [planned.command for planned in found.planned] == commands
    assert found.trouble == ""


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("package.json", "{"),
        ("package.json", "[]"),
        ("pyproject.toml", "[["),
        ("pyproject.toml", "\xff"),
        pytest.param("package.json", "[" * 100_000, id="package.json-deep"),
        pytest.param("pyproject.toml", "a = " + "[" * 100_000, id="pyproject.toml-deep"),
    ],
)
def test_a_manifest_that_cannot_be_read_is_the_projects_fault(name: str, text: str) -> None:
    found = checks_of([name], {name: text.encode("latin-1")})
    assert found.planned == ()
    assert name in found.trouble
