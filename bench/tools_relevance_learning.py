"""Learning the ranker's weights on commits of clones, other ones than those that measure them.

One weight after another is set to the value with which the files that a commit changed are found
best, over all clones alike, as long as that gains something (coordinate ascent). What is learned on
are 150 commits a clone (seed 11), unless asked for otherwise: of the last 1,600 of its main line,
but not of the 300 that `measure` asks about; so those stay a test.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from random import Random
from statistics import fmean

from bench.figures import say
from bench.tools_relevance_walk import Walk, sample_of
from tools.search.relevance.weights import Weights

ASKED = 150
SEED = 11
ROUNDS = 2
LEAST_GAIN = 0.001  # less is chance

CHOICES: Mapping[str, Sequence[float]] = {
    "path": (2.0, 4.0, 6.0, 8.0, 12.0),
    "defines": (1.0, 2.0, 3.0, 4.5, 6.0),
    "length": (0.2, 0.3, 0.4, 0.5, 0.7),
    "chunk": (0.0, 0.3, 0.6, 1.0, 1.5),
    "neighbour": (0.0, 0.15, 0.3, 0.45, 0.6),
    "history": (0.0, 0.25, 0.5, 0.75, 1.0),
    "text": (0.3, 0.5, 0.7, 0.85, 1.0),
    "name": (0.0, 0.1, 0.15, 0.2, 0.3),
    "defined": (0.0, 0.1, 0.2, 0.3),
    "tests": (0.0, 0.1, 0.15, 0.25, 0.4),
}


@dataclass(frozen=True)
class Lesson:
    """A clone, and so many commits of it that are learned on."""

    repo: Path
    questions: int = ASKED

    @cached_property
    def walk(self) -> Walk:
        """Its commits, what is read of it kept for the next time."""
        return Walk(self.repo)

    @cached_property
    def asked(self) -> set[int]:
        """Numbers of commits."""
        tested = sample_of(self.walk.able)
        free = [number for number in self.walk.able if number not in tested]
        return set(Random(SEED).sample(free, min(self.questions, len(free))))  # noqa: S311 - a sample

    def scores(self, choices: Sequence[Weights]) -> list[float]:
        """How well each of them finds what the commits changed: mean recall at 5 and at 10."""
        return [
            (score.at_5 + score.at_10) / 2 / score.asked
            for score in self.walk.scores(self.asked, choices)
        ]


@dataclass(frozen=True)
class Learned:
    """The weights, and how well these and those before find what was learned on."""

    weights: Weights
    before: float
    after: float


def learn(
    repos: Sequence[Path], start: Weights, *, questions: int = ASKED, rounds: int = ROUNDS
) -> Learned:
    """The weights for these clones, from `start` on; each step is said."""
    lessons = [Lesson(repo, questions) for repo in repos]

    def scores(choices: Sequence[Weights]) -> list[float]:
        by_repo = [lesson.scores(choices) for lesson in lessons]
        return [fmean(row) for row in zip(*by_repo, strict=True)]

    return ascend(start, scores, rounds=rounds)


def ascend(
    start: Weights, scores: Callable[[Sequence[Weights]], list[float]], *, rounds: int = ROUNDS
) -> Learned:
    """Coordinate ascent from `start`; `scores` says how good each of some weights is."""
    best, before = start, scores([start])[0]
    reached = before
    for number in range(1, rounds + 1):
        since = reached
        for name in CHOICES:
            others = list(_others(best, name))
            found = scores(others)
            at = max(range(len(others)), key=lambda place: found[place])
            if found[at] > reached + LEAST_GAIN:
                best, reached = others[at], found[at]
            say(f"round {number}: {name} = {getattr(best, name)}, which gives {reached:.4f}")
        if reached == since:
            break
    return Learned(best, before, reached)


def _others(weights: Weights, name: str) -> Iterator[Weights]:
    now = getattr(weights, name)
    for value in CHOICES[name]:
        if value != now:
            yield replace(weights, **{name: value})
