"""`make bench SUITE=github`: imports and exports of a real size, beside git in the same run.

`polaris dev` runs as it comes, with a GitHub on loopback: part of its API, and `git http-backend`.
Each part of `PARTS` gets a folder of its own and gives figures, which are described where they are
measured. The last line is one JSON object; `load_before` is that of the machine, and what ran
beside the bench makes every time longer, also git's.
"""

from bench.github import transfers, trees
from bench.parts import Parts, measure_parts

PARTS: Parts = {
    "near": transfers.near,
    "far": transfers.far,
    "trees": trees.measure,
}


async def main(names: list[str]) -> None:
    """Measure the parts that are named, one after the other; all of them where none is."""
    await measure_parts(PARTS, names)
