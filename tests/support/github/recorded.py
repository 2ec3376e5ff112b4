"""What GitHub answers when it refuses: one file for each error, with the page that describes it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from tests.support.github.server import Fault

FOLDER = Path(__file__).with_name("recorded")


@dataclass(frozen=True)
class Recorded:
    """An answer. `page`: of GitHub's documentation; `body`: JSON, or the text of a page."""

    page: str
    about: str
    request: str
    status: int
    headers: dict[str, str]
    body: dict[str, Any] | str

    def fault(self, match: str = "/api/v3/", *, times: int = 1) -> Fault:
        """For the stand-in, to give to the next requests that match."""
        return Fault(match, self.status, self.body, self.headers, times)


def recorded(name: str) -> Recorded:
    """By the name of its file."""
    return Recorded(**cast("dict[str, Any]", json.loads((FOLDER / f"{name}.json").read_text())))


def names() -> list[str]:
    """Of all that were recorded."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))
