"""What commits say of files: their subjects are words for the files that they changed."""

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log

from tools.search.relevance.words import asked_words

MAX_COMMITS = 2_000
MOST_FILES = 30  # of a commit; one that changed more says little of each
_K1 = 1.2


@dataclass(frozen=True)
class Commit:
    """One commit: what it is about, and the files that it changed."""

    subject: str
    paths: Sequence[str]


class History:
    """The newest commits, added from old to new."""

    def __init__(self) -> None:
        self._commits: deque[tuple[int, Sequence[str], Sequence[str]]] = deque()
        self._by_word: dict[str, dict[int, None]] = defaultdict(dict)
        self._paths: dict[int, Sequence[str]] = {}
        self._by_path: dict[str, dict[int, None]] = defaultdict(dict)
        self._next = 0

    def __len__(self) -> int:
        """How many commits are known."""
        return len(self._commits)

    def add(self, commits: Iterable[Commit]) -> None:
        """These came next."""
        for commit in commits:
            if not 0 < len(commit.paths) <= MOST_FILES:
                continue
            number, words = self._next, list(asked_words(commit.subject))
            self._next += 1
            self._commits.append((number, words, commit.paths))
            self._paths[number] = commit.paths
            for word in words:
                self._by_word[word][number] = None
            for path in commit.paths:
                self._by_path[path][number] = None
            if len(self._commits) > MAX_COMMITS:
                self._forget()

    def clear(self) -> None:
        """Forget all of them."""
        while self._commits:
            self._forget()

    def _forget(self) -> None:
        number, words, paths = self._commits.popleft()
        del self._paths[number]
        for word in words:
            self._by_word[word].pop(number, None)
        for path in paths:
            self._by_path[path].pop(number, None)

    def files_for(self, words: Sequence[str]) -> dict[str, float]:
        """By file, how much commits about these words have changed it; newer ones count more."""
        count = len(self._commits)
        about: dict[int, float] = defaultdict(float)
        for word in words:
            commits = self._by_word.get(word)
            if commits:
                idf = log(1 + (count - len(commits) + 0.5) / (len(commits) + 0.5))
                for number in commits:
                    about[number] += idf
        scores: dict[str, float] = defaultdict(float)
        for number, score in about.items():
            paths = self._paths[number]
            age = (self._next - number) / MAX_COMMITS
            worth = score**3 * (1 - 0.5 * min(1.0, age)) / len(paths)
            for path in paths:
                scores[path] += worth
        return dict(scores)

    def changed_with(self, path: str) -> Counter[str]:
        """How often other files were changed in the same commits."""
        together: Counter[str] = Counter()
        for number in self._by_path.get(path, ()):
            together.update(other for other in self._paths[number] if other != path)
        return together
