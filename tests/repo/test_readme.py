"""The README's commands are run as written, and what it names exists."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import typer.main

from app.main import cli
from app.settings import Settings, own_environment, variable_of
from llm.providers import PROVIDERS
from tests.repo.convex_folder import variables_read_by_convex

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
TOP = [ROOT / name for name in ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")]
DOCS = [README, *TOP, *sorted((ROOT / "docs").rglob("*.md"))]
KEYS = [*(provider.key_variable for provider in PROVIDERS), "POLARIS_MODELS"]
NOT_OURS = {"CONVEX_DEPLOY_KEY", "CONVEX_SELF_HOSTED_URL", "CONVEX_SELF_HOSTED_ADMIN_KEY"}


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def start_commands() -> list[str]:
    """The two commands under "Start", comments taken away."""
    section = README.read_text().split("## Start\n")[1].split("\n## ")[0]
    (block,) = blocks(section, "sh")
    return [line.split("#")[0].strip() for line in block.splitlines()]


def scripted_environment() -> dict[str, str]:
    """Ours without a model's key: a test costs nobody money."""
    return own_environment() | dict.fromkeys(KEYS, "")


def run(command: str, *, timeout_s: float) -> str:
    done = subprocess.run(  # noqa: S603 - our own README
        ["/bin/sh", "-ec", command],
        check=False,  # what it said is worth more than its code
        cwd=ROOT,
        env=scripted_environment(),
        capture_output=True,
        text=True,
        timeout=timeout_s,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def test_the_two_commands_are_demo_and_test() -> None:
    assert start_commands() == ["make demo", "make test"]


@pytest.mark.timeout(180)
def test_the_demo_runs_as_written_and_its_last_line_says_what_happened() -> None:
    said = run(start_commands()[0], timeout_s=170).splitlines()
    result = json.loads(said[-1])
    assert result["ok"] is True
    assert result["model"].endswith("(scripted)")
    assert result["files_changed"] > 0
    if "offers no sandbox" not in result["tests"]:  # as it is on machines without namespaces
        assert result["type_errors_seen"] > 0
        assert result["tests"] == "passed"
    assert result["condensed"] >= 2
    assert (result["approvals"], result["cost"][0]) == (1, "$")
    assert (result["lost_chars"], result["duplicate_effects"]) == (0, 0)
    assert min(result[name] for name in ("first_delta_ms", "cancel_ms", "resume_ms")) >= 0
    assert re.fullmatch("[0-9a-f]{40}", result["tree_imported"])
    assert result["tree_exported"] == result["tree_imported"]
    assert re.fullmatch("[0-9a-f]{40}", result["pushed_commit"])
    assert result["generated_files"] == 11
    if "no sandbox" not in result["generated"]:
        assert result["generated"].startswith("verified by tsc --noEmit, npm run build, npm test")


def test_the_test_command_runs_both_suites() -> None:
    """Asked what it would do: running it here would run this test again."""
    planned = run(f"{start_commands()[1]} --dry-run", timeout_s=20)
    assert re.search(r"python -m pytest", planned)
    assert re.search(r"vitest run", planned)


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {name for page in DOCS for name in re.findall(r"`?make ([a-z]+)", code_of(page))}
    assert named
    assert named - targets == set()


def code_of(page: Path) -> str:
    text = page.read_text()
    return "\n".join([*re.findall(r"`([^`\n]+)`", text), *blocks(text, "sh")])


def test_the_table_lists_every_command_of_the_cli() -> None:
    table = README.read_text().split("## Commands\n")[1].split("\n## ")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`polaris ([a-z-]+)", row)}
    group = typer.main.get_command(cli)
    assert named == set(getattr(group, "commands", {}))


def test_every_variable_that_is_exported_is_a_setting() -> None:
    exported = {
        name
        for block in blocks(README.read_text(), "sh")
        for line in re.findall(r"^export (.*)$", block, re.MULTILINE)
        for name in re.findall(r"(?:^|\s)([A-Z_]+)=", line.split(" #")[0])
    }
    known = {variable_of(name) for name in Settings.model_fields}
    assert exported
    assert exported - known - NOT_OURS == set()


def test_a_real_convex_is_given_every_variable_that_the_functions_read() -> None:
    """Convex refuses to deploy an auth.config.ts that reads a variable which is not set."""
    given = set(re.findall(r"convex env set ([A-Z_]+)", README.read_text()))
    assert given == variables_read_by_convex()


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)", page.read_text())
    local = [target for target in targets if not target.startswith("http")]
    assert [target for target in local if not (page.parent / target).exists()] == []


def test_the_index_of_the_docs_lists_every_page() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    pages = {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert {page for page in pages if f"({page})" not in index} == set()
