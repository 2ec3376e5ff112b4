"""The stand-in as a process of its own: `python -m tests.support.github --root FOLDER`.

It prints one JSON line with its addresses, and serves until SIGTERM. Repositories are made in the
folder by whoever started it; what it was asked is at `/-/asked`.
"""

import argparse
import json
import signal
import threading
from pathlib import Path

from tests.support.github.server import github_stand_in


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--root", type=Path, required=True)
    options.add_argument("--user", action="append", default=[], help="TOKEN=LOGIN")
    options.add_argument("--delay-ms", type=float, default=0.0, help="before each answer")
    given = options.parse_args()
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: ended.set())
    with github_stand_in(given.root) as github:
        github.delay_s = given.delay_ms / 1000
        for user in given.user:
            token, _, login = user.partition("=")
            github.users[token] = login
        print(json.dumps({"url": github.url, "api": github.api_url}), flush=True)  # noqa: T201
        ended.wait()


if __name__ == "__main__":
    main()
