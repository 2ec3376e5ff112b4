"""How much each thing counts when files are ranked: learned, and kept beside this file."""

import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

SHIPPED = Path(__file__).with_name("weights.json")


@dataclass(frozen=True)
class Weights:
    """What a fit is worth; `python -m bench.tools_relevance --learn` learns them on commits.

    `path` and `defines`: a word in the path of a file, or among the names that it defines, so many
    times as in its text. `length`: how much a long file is held back, 0 to 1. `chunk`: the best
    part of a file beside all of it. `neighbour`: what imports, or is imported by, files that fit.
    `history`: files that were changed by commits about the same. `text`: what is no program, 0 to
    1. `name`: a file whose own name is asked for. `defined`: one that defines all that is asked
    for. `tests`: tests of a file that fits, and what a test that fits is of.
    """

    path: float
    defines: float
    length: float
    chunk: float
    neighbour: float
    history: float
    text: float
    name: float
    defined: float
    tests: float


@cache
def shipped_weights() -> Weights:
    """Those beside this file."""
    return Weights(**json.loads(SHIPPED.read_text()))


def json_of(weights: Weights) -> str:
    """As they are kept in a file."""
    return json.dumps(asdict(weights), indent=2) + "\n"
