"""How well getRelevantFiles finds what a commit changed: its subject is asked, its files are right.

`python -m bench.tools_relevance --repo CLONE [--repo CLONE …]`, each with its whole history. Of the
last 1,600 commits of the main line 300 are asked (seed 7) that changed 1 to 6 code files which the
parent had. The index stands at the parent, and knows the commits before it.

`python -m bench.tools_relevance --learn CLONE …` learns the ranker's weights on other commits of
the clones (`bench/tools_relevance_learning.py`); with `--write` they become those of the product.
"""

import argparse
from dataclasses import asdict
from pathlib import Path
from statistics import median
from time import perf_counter

from bench.figures import say, say_figures
from bench.tools_relevance_learning import ASKED, ROUNDS, learn
from bench.tools_relevance_walk import (
    Score,
    Walk,
    count_found,
    language_of,
    question,
    sample_of,
)
from tools.search.relevance.index import Index
from tools.search.relevance.weights import SHIPPED, json_of, shipped_weights

__all__ = ["language_of", "measure"]


def measure(repo: Path, *, only_code: bool = False) -> dict[str, float]:
    """Recall at 5 and 10, mean reciprocal rank, and milliseconds a question."""
    walk = Walk(repo, only_code=only_code)
    index, score, took = Index(), Score(), list[float]()
    for change, truth in walk.until(sample_of(walk.able), index):
        began = perf_counter()
        ranked = [it.path for it in index.rank(question(change.subject), limit=10)]
        took.append((perf_counter() - began) * 1000)
        count_found(score, ranked, truth)
    walk.close()
    return {
        "recall_at_5": score.at_5 / score.asked,
        "recall_at_10": score.at_10 / score.asked,
        "mrr": score.reciprocal / score.asked,
        "ms": median(took),
        "worst_ms": max(took),
        "files": len(index),
        "asked": score.asked,
    }


def main() -> None:
    """Measure, or learn on, each clone that is given; the last line is one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repo", type=Path, action="append", default=[])
    parser.add_argument("--only-code", action="store_true", help="index nothing but code")
    parser.add_argument("--learn", type=Path, nargs="+", default=[], metavar="CLONE")
    parser.add_argument("--questions", type=int, default=ASKED, help="of a clone, to learn on")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="over all weights")
    parser.add_argument("--write", action="store_true", help="keep what was learned for the ranker")
    given = parser.parse_args()
    if given.learn:
        learned = learn(
            given.learn, shipped_weights(), questions=given.questions, rounds=given.rounds
        )
        if given.write:
            SHIPPED.write_text(json_of(learned.weights))
        say_figures({"before": learned.before, "after": learned.after, **asdict(learned.weights)})
        return
    figures: dict[str, float] = {}
    for repo in given.repo:
        for name, value in measure(repo, only_code=given.only_code).items():
            figures[f"tools.relevant_{name}[{repo.name}]"] = value
        say(f"{repo}: {figures}")
    say_figures(figures)


if __name__ == "__main__":
    main()
