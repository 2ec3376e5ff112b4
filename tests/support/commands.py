"""`polaris` commands that end by themselves, and what they say."""

import subprocess
import sys
from collections.abc import Mapping


def polaris(*command: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "app.main", *command],
        env=dict(env),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def refused(done: subprocess.CompletedProcess[str], words: str) -> None:
    """It has done nothing, and says why without a traceback."""
    assert (done.returncode, done.stdout) == (1, ""), done
    assert words in done.stderr
    assert "Traceback" not in done.stderr
