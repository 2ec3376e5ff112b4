"""`polaris doctor`: each part is tried, and what is missing is named with the way to get it."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.product import environment, running

pytestmark = pytest.mark.timeout(180)


def doctor(
    *options: str, folder: Path, env: Mapping[str, str]
) -> tuple[int, dict[str, dict[str, str]]]:
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "app.main", "doctor", "--json", *options],
        cwd=folder,
        env=dict(env),
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert found, done.stderr
    return done.returncode, {each["part"]: each for each in found}


def test_with_a_model_that_answers_all_is_well(tmp_path: Path) -> None:
    scenario = tmp_path / "scenario.json"
    scenario.write_text(json.dumps({"rules": [], "otherwise": {"text": "OK"}}))
    command = ["model-server", "--scenario", str(scenario)]
    with running(command, folder=tmp_path, env=environment()) as server:
        env = environment(ANTHROPIC_API_KEY="sk-ant-x", ANTHROPIC_BASE_URL=server.ready["url"])
        code, found = doctor("--call-models", folder=tmp_path, env=env)
    assert code == 0, found
    assert found["model anthropic:claude-sonnet-5-5"]["detail"] == (
        "anthropic/scripted-claude-sonnet-5-5 answers"
    )
    for part in ("data folder", "database", "convex", "node", "git", "rg", "ast-grep"):
        assert found[part]["verdict"] == "ok", found[part]
    assert found["language server typescript"]["verdict"] == "ok"
    assert not any(found[part]["advice"] for part in found if found[part]["verdict"] == "ok")


def test_what_is_missing_is_named_with_the_way_to_get_it(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    env = environment(
        PATH="/nowhere",
        POLARIS_DATA_DIR="data/inside",
        CONVEX_URL="http://127.0.0.1:1",
        POLARIS_CONVEX_INTERNAL_KEY="a key that is long enough",
        POLARIS_DATABASE_URL="postgresql://polaris:secret-word@127.0.0.1:1/polaris",
    )
    code, found = doctor(folder=tmp_path, env=env)
    assert code == 1
    failed = {part for part, each in found.items() if each["verdict"] == "failed"}
    assert failed == {"data folder", "database", "convex", "models"}
    assert all(found[part]["advice"] for part in failed)
    assert (found["git"]["verdict"], "apt install git" in found["git"]["advice"]) == (
        "absent",
        True,
    )
    assert "ANTHROPIC_API_KEY" in found["models"]["advice"]
    assert "secret-word" not in json.dumps(found)
    if "bubblewrap" in found["sandbox"]["detail"]:
        assert "nsenter" in found["sandbox"]["advice"]


def test_a_model_without_its_key_or_with_a_wrong_one_has_failed(tmp_path: Path) -> None:
    scenario = tmp_path / "scenario.json"
    fault = {"fault": {"kind": "status", "status": 401}}
    scenario.write_text(json.dumps({"rules": [], "otherwise": fault}))
    command = ["model-server", "--scenario", str(scenario)]
    with running(command, folder=tmp_path, env=environment()) as server:
        env = environment(ANTHROPIC_API_KEY="sk-ant-x", ANTHROPIC_BASE_URL=server.ready["url"])
        code, found = doctor("--call-models", folder=tmp_path, env=env)
        assert (code, found["model anthropic:claude-sonnet-5-5"]["verdict"]) == (1, "failed")
        assert "key" in found["model anthropic:claude-sonnet-5-5"]["detail"]
    code, found = doctor(folder=tmp_path, env=environment(POLARIS_MODELS="openai:gpt-6-sol"))
    assert (code, found["models"]["verdict"]) == (1, "failed")
    assert "OPENAI_API_KEY" in found["models"]["detail"]
