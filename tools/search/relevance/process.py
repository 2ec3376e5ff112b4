"""The process that holds the indexes: parsing would hold up everything else in ours.

`python -m tools.search.relevance.process` reads one question a line as JSON and answers with one
line. It ends when its input does. Of many projects it keeps those that were asked last.
"""

import json
import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any

from tools.search.relevance.project import ProjectIndex

MAX_PROJECTS = 8
MAX_BYTES = 600_000_000  # of all indexes, by estimate; the one that is asked always stays


def main() -> None:
    """Answer until the input ends."""
    projects: OrderedDict[str, ProjectIndex] = OrderedDict()
    for line in sys.stdin.buffer:
        try:
            answer = _answer(json.loads(line), projects)
        except Exception as error:  # noqa: BLE001 - told to whoever asked, who reports it
            answer = {"error": f"{type(error).__name__}: {error}"}
        sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
        sys.stdout.buffer.flush()


def _answer(asked: dict[str, Any], projects: OrderedDict[str, ProjectIndex]) -> dict[str, Any]:
    folder = str(asked["folder"])
    project = projects.get(folder)
    if project is None:
        project = projects[folder] = ProjectIndex(Path(folder), Path(asked["kept"]))
    projects.move_to_end(folder)
    left = project.follow(asked["paths"])
    ranked = project.rank(
        asked["query"], current=asked["current"], limit=asked["limit"], edited=asked["edited"]
    )
    while len(projects) > 1 and (
        len(projects) > MAX_PROJECTS or sum(each.size for each in projects.values()) > MAX_BYTES
    ):
        projects.popitem(last=False)[1].close()
    return {"left": left, "ranked": [[it.path, it.score, it.reasons] for it in ranked]}


if __name__ == "__main__":
    main()
