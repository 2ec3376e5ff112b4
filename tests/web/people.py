"""People at the page: scripts of TypeScript that drive Chromium on a real `polaris dev`."""

import json
import subprocess
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from core.node import NODE
from tests.support.product import ROOT, Program, disposable, environment, start

PEOPLE = ROOT / "tests" / "support" / "browser"
OF_A_DEATH = ("WebSocket", "ERR_CONNECTION_REFUSED", "502", "503")
OF_A_STRANGER = ("[CONVEX Q(", "ArgumentValidationError")
SCRIPT_S = 200


@contextmanager
def scripted(rules: Sequence[Mapping[str, Any]], folder: Path) -> Generator[str]:
    """The address of a scripted model that plays these."""
    scenario = folder / "scenario.json"
    scenario.write_text(json.dumps({"rules": rules}))
    command = ["model-server", "--scenario", str(scenario)]
    with disposable(command, folder=folder, env=environment()) as program:
        yield program.ready["url"]


def settings(model_url: str | None = None, *, port: int = 0, **more: str) -> dict[str, str]:
    """The environment of a product, with a model where there is one."""
    model = {"ANTHROPIC_API_KEY": "sk-ant-scripted-0000", "ANTHROPIC_BASE_URL": model_url or ""}
    given = {} if model_url is None else model
    return environment(POLARIS_PORT=str(port), POLARIS_DATA_DIR="data", **given, **more)


def plays(
    script: str, address: str, folder: Path, *, provoked: Sequence[str] = ()
) -> dict[str, Any]:
    """What the script has seen from that address on, once it has found everything working.

    The browser may complain of what it has provoked.
    """
    done = subprocess.run(  # noqa: S603 - our own script
        [NODE, PEOPLE / script, address, folder],
        capture_output=True,
        check=False,
        text=True,
        timeout=SCRIPT_S,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return _judged(done.stdout.splitlines()[-1], provoked)


def bears_a_kill(
    script: str,
    folder: Path,
    env_on: Callable[[int], dict[str, str]],
    *,
    prepare: Callable[[Program], None] = lambda _: None,
    provoked: Sequence[str] = (),
) -> dict[str, Any]:
    """As `plays`, though the server is killed, and started again, when the script says so.

    `env_on` gives the environment of a product on a port.
    """
    program = start(["dev"], folder=folder, env=env_on(0))
    prepare(program)
    port = urlsplit(str(program.ready["api"])).port or 0
    command = [NODE, PEOPLE / script, program.ready["web"], folder]
    log = folder / "person.log"
    with (
        log.open("wb") as sink,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=sink, text=True) as person,  # noqa: S603
    ):
        assert person.stdout is not None
        said = [person.stdout.readline().strip()]
        try:
            if said == ["kill"]:
                program.kill()
                (folder / "killed").touch()
                program = start(["dev"], folder=folder, env=env_on(port))
                said += person.stdout.read().splitlines()
        finally:
            person.wait(10)
            program.kill()
    assert person.returncode == 0, log.read_text()[-3000:]
    return _judged(said[-1], [*OF_A_DEATH, *provoked])


def _judged(said: str, provoked: Sequence[str]) -> dict[str, Any]:
    seen: dict[str, Any] = json.loads(said)
    strange = [text for text in seen["complaints"] if not any(part in text for part in provoked)]
    assert not strange, "\n".join(strange)
    assert not seen["violations"], "\n".join(seen["violations"])
    return seen
