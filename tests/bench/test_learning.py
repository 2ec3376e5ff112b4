"""The ranker's weights are learned on commits, other ones than those that measure them."""

import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bench.tools_relevance_learning import CHOICES, Lesson, ascend
from bench.tools_relevance_walk import sample_of
from tools.search.relevance.weights import Weights, json_of, shipped_weights

BEST = replace(shipped_weights(), path=8.0, history=0.25)


def nearness(choices: Sequence[Weights]) -> list[float]:
    """A hill with its top at BEST."""
    off = (sum(abs(getattr(it, name) - getattr(BEST, name)) for name in CHOICES) for it in choices)
    return [1 - each / 100 for each in off]


def test_the_ascent_finds_the_top_and_stays_there() -> None:
    learned = ascend(shipped_weights(), nearness)
    assert (learned.weights, learned.after) == (BEST, 1.0)
    assert learned.before < learned.after
    assert ascend(BEST, nearness).weights == BEST


def test_what_gains_nothing_is_left_as_it_was() -> None:
    learned = ascend(shipped_weights(), lambda choices: [0.5] * len(choices))
    assert (learned.weights, learned.before, learned.after) == (shipped_weights(), 0.5, 0.5)


def test_weights_are_kept_as_they_are_read() -> None:
    path = Path("tools/search/relevance/weights.json")
    assert (Path(__file__).parents[2] / path).read_text() == json_of(shipped_weights())


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    def git(*arguments: str) -> None:
        named = ("-c", "user.name=a", "-c", "user.email=a@example.com")
        command = ["git", "-C", str(tmp_path), *named, *arguments]
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603

    git("init", "-q")
    for number in range(8):
        name = ("money", "split")[number % 2]
        (tmp_path / f"{name}.py").write_text(f"def {name}():\n    return {number}\n")
        git("add", "-A")
        git("commit", "-q", "-m", f"fix: the {name} is right (#{number})")
    return tmp_path


def test_commits_are_asked_about_by_their_subjects(clone: Path) -> None:
    lesson = Lesson(clone)
    assert lesson.walk.able == [2, 3, 4, 5, 6, 7]  # the first two make the files
    assert sample_of(lesson.walk.able) == set(lesson.walk.able)
    assert lesson.asked == set()  # so few are all for the test
    [score] = lesson.walk.scores({4, 5}, [shipped_weights()])
    assert (score.asked, score.at_5, score.reciprocal) == (2, 2.0, 2.0)
    lesson.walk.close()
