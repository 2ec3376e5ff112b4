"""A GitHub API that others wrote: the npm package `emulate`, as a process of its own.

What it lacks, so that what needs it is tried with the stand-in: archives and git over HTTP (404),
an unknown token (it is the first user), the 409 of an empty repository, rate limits, and changing
a reference by PyGithub.
"""

import json
import socket
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

from core.node import NODE

PROGRAM = Path(__file__).parents[3] / "node_modules" / "emulate" / "dist" / "index.js"
START_S = 60.0  # on a machine that is busy with the rest of the suite


@contextmanager
def emulated_github(folder: Path, seed: dict[str, object]) -> Generator[str]:
    """The address of its API, on loopback, while the block runs."""
    (folder / "seed.json").write_text(json.dumps(seed))
    process, url = _started(folder)
    try:
        yield url
    finally:
        process.terminate()
        process.wait()


def _started(folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    """It takes no port 0, and a port that was free may be taken a moment later: then again."""
    for _ in range(5):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        options = ["--service", "github", "--port", str(port), "--seed", "seed.json"]
        with (folder / "emulate.log").open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - as pinned in package.json
                [str(NODE), str(PROGRAM), *options, "--base-url", url],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=folder,
                env={"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(folder)},
            )
        if _answers(url, process):
            return process, url
        process.kill()
        process.wait()
    raise AssertionError((folder / "emulate.log").read_text()[-2_000:])


def _answers(url: str, process: subprocess.Popen[bytes]) -> bool:
    ends_at = time.monotonic() + START_S
    while time.monotonic() < ends_at and process.poll() is None:
        try:
            with urlopen(f"{url}/users/octo", timeout=5):  # noqa: S310 - http on loopback
                return True
        except OSError:  # also what urllib raises
            time.sleep(0.05)
    return False
