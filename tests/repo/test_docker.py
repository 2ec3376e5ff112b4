"""The image and its compose file hold together; the install steps work in a clean folder."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
import typer.main

from app.main import cli
from app.settings import Settings, own_environment, variable_of
from tests.repo.convex_folder import variables_read_by_convex
from tests.repo.docker import COMPOSE, DOCKERFILE, ROOT, compose, instructions

# Of `polaris convex` and of convex/auth.config.ts.
NOT_SETTINGS = {"CONVEX_ADMIN_KEY", "CONVEX_CLOUD_URL"}
OUR_SERVICES = ["api", "worker", "convex"]
SECRET = re.compile(r"(KEY|PASSWORD|DSN|SECRET|TOKEN)$")


def tracked() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"],  # noqa: S607 - whichever git there is
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_every_copied_path_is_in_the_repository() -> None:
    files = tracked()
    copied = [
        source for step in instructions() if step.is_from_context for source in step.copied[0]
    ]
    assert copied
    missing = [
        source
        for source in copied
        if not any(name == source or name.startswith(f"{source}/") for name in files)
    ]
    assert missing == []


def test_the_context_holds_what_is_copied_and_little_else() -> None:
    kept = {
        line[1:].rstrip("/")
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    copied = {
        source.split("/")[0]
        for step in instructions()
        if step.is_from_context
        for source in step.copied[0]
    }
    assert kept == copied


def test_every_package_of_ours_is_in_the_image() -> None:
    copied = {source for step in instructions() if step.stage == 1 for source in words(step.rest)}
    ours = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {
        "bench",
        "examples",
        "tests",
    }
    assert ours <= copied


def words(text: str) -> list[str]:
    return text.replace("[", " ").replace("]", " ").split()


def test_the_image_runs_as_somebody_without_rights() -> None:
    users = [step.rest for step in instructions() if step.word == "USER"]
    last = max(i for i, step in enumerate(instructions()) if step.word in {"RUN", "COPY"})
    assert users == ["10001"]
    assert instructions()[last + 1].word == "USER"


def test_the_image_installs_what_the_locks_say() -> None:
    steps = " ".join(step.rest for step in instructions() if step.word == "RUN")
    assert "--require-hashes --requirement requirements/runtime.txt" in steps
    assert "npm ci --omit=dev" in steps


def test_nothing_secret_stands_in_the_files() -> None:
    for service in compose()["services"].values():
        for name, value in service.get("environment", {}).items():
            if SECRET.search(name):
                assert re.fullmatch(r"\$\{[A-Z_]+:[-?][^}]*\}", value), name
    assert not [
        step for step in instructions() if step.word in {"ARG", "ENV"} and "KEY" in step.rest
    ]


def command_names() -> set[str]:
    group = typer.main.get_command(cli)
    return set(getattr(group, "commands", {}))


def test_every_service_runs_a_command_of_the_cli_with_options_that_it_has() -> None:
    group: Any = typer.main.get_command(cli)
    default = next(step for step in instructions() if step.word == "CMD")
    assert json.loads(default.rest)[0] in command_names()
    for name in OUR_SERVICES:
        command, *arguments = compose()["services"][name]["command"]
        assert command in command_names()
        known = {option for param in group.commands[command].params for option in param.opts}
        assert [word for word in arguments if word.startswith("--") and word not in known] == []


def test_the_entry_point_is_the_cli() -> None:
    entry = next(step for step in instructions() if step.word == "ENTRYPOINT")
    assert json.loads(entry.rest) == ["python", "-m", "app.main"]


def test_every_variable_given_to_our_services_is_a_setting() -> None:
    known = {variable_of(name) for name in Settings.model_fields} | NOT_SETTINGS
    given = {
        variable for name in OUR_SERVICES for variable in compose()["services"][name]["environment"]
    }
    assert given - known == set()


def test_the_embedded_convex_gets_what_the_functions_read() -> None:
    read = variables_read_by_convex()
    assert read
    assert read - set(compose()["services"]["convex"]["environment"]) == set()


def test_api_and_worker_get_what_separate_processes_need() -> None:
    for name in ("api", "worker"):
        given = compose()["services"][name]["environment"]
        assert {"POLARIS_DATABASE_URL", "CONVEX_URL", "POLARIS_CONVEX_INTERNAL_KEY"} <= set(given)


def test_the_three_that_serve_have_a_health_check_and_nobody_may_gain_rights() -> None:
    services = compose()["services"]
    assert [
        name for name in ("api", "postgres", "convex") if "healthcheck" not in services[name]
    ] == []
    for name in OUR_SERVICES:
        assert services[name]["cap_drop"] == ["ALL"]
        assert services[name]["security_opt"] == ["no-new-privileges:true"]
        assert services[name]["read_only"] is True


def test_the_api_waits_for_what_it_needs_and_the_embedded_convex_is_optional() -> None:
    services = compose()["services"]
    assert services["convex"]["profiles"] == ["embedded"]
    waits = services["api"]["depends_on"]
    assert waits["postgres"] == {"condition": "service_healthy"}
    assert waits["convex"] == {"condition": "service_healthy", "required": False}
    assert services["worker"]["depends_on"] == waits


def test_volumes_that_are_used_are_declared() -> None:
    services = compose()["services"].values()
    named = {
        volume.split(":")[0]
        for service in services
        for volume in service.get("volumes", [])
        if not volume.startswith("/")
    }
    assert named == set(compose()["volumes"])


def test_the_build_of_compose_finds_the_dockerfile() -> None:
    build = compose()["services"]["api"]["build"]
    context = (COMPOSE.parent / build["context"]).resolve()
    assert (context / build["dockerfile"]).resolve() == DOCKERFILE
    assert context == ROOT


def build_environment(folder: Path) -> dict[str, str]:
    """A machine with nobody's settings, except how it reaches the package registries."""
    keep = (
        "PIP_",
        "NPM_CONFIG_",
        "npm_config_",
        "NODE_EXTRA_CA_CERTS",
        "NODE_USE_SYSTEM_CA",
        "SSL_CERT_",
    )
    reach = {
        n: v
        for n, v in own_environment().items()
        if n.startswith(keep) or n.lower().endswith("_proxy")
    }
    programs = folder / "bin"
    programs.mkdir()
    (programs / "python").symlink_to(Path(sys.base_prefix) / "bin" / "python3")
    (folder / "home").mkdir()
    return {**reach, "HOME": str(folder / "home"), "PATH": f"{programs}:/usr/bin:/bin"}


@pytest.mark.timeout(300)
@pytest.mark.thorough
def test_the_install_steps_of_the_image_work_in_a_clean_folder(tmp_path: Path) -> None:
    environment = build_environment(tmp_path)
    work = tmp_path / "polaris"
    for step in instructions():
        if step.is_from_context:
            copy(*step.copied, work)
        elif step.word == "RUN" and step.stage == 0:
            subprocess.run(  # noqa: S603 - our own Dockerfile
                ["/bin/sh", "-ec", step.rest], cwd=work, env=environment, check=True, timeout=240
            )
    environment["PATH"] = f"{work}/.venv/bin:{environment['PATH']}"
    data = tmp_path / "data" / "convex.sqlite"
    command = compose()["services"]["convex"]["command"]
    assert command[:5] == ["convex", "--dir", "/polaris/convex", "--data", "/data/convex.sqlite"]
    entry = ["python", "-m", "app.main"]
    helped = subprocess.run(  # noqa: S603 - our own command
        [*entry, "worker", "--help"], cwd=work, env=environment, check=True, capture_output=True
    )
    assert b"POLARIS_DATABASE_URL" in helped.stdout
    started = [*entry, "convex", "--dir", "convex", "--data", str(data)]
    with subprocess.Popen(  # noqa: S603 - our own command
        started, cwd=work, env=environment, stdout=subprocess.PIPE
    ) as convex:
        try:
            assert convex.stdout is not None
            ready = json.loads(convex.stdout.readline())
        finally:
            convex.terminate()
    assert ready["url"].startswith("http://127.0.0.1:")


def copy(sources: list[str], target: str, work: Path) -> None:
    """As COPY: what a folder holds goes into the target, a file into one that ends in a slash."""
    for source in sources:
        for name in tracked():
            if name == source:
                place = work / target / Path(name).name if target.endswith("/") else work / target
            elif name.startswith(f"{source}/"):
                place = work / target / Path(name).relative_to(source)
            else:
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, place)
