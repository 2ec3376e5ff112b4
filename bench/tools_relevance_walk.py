"""Commits of a clone as questions: the subject is asked, the files that it changed are right."""

import random
import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.search.relevance.facts import PROGRAMS, TEXTS, Facts, facts_of, is_indexed, suffix_of
from tools.search.relevance.history import Commit
from tools.search.relevance.index import Index
from tools.search.relevance.weights import Weights

COMMITS = 1_600
ASKED = 300
SEED = 7
MOST_CHANGED = 6
CODE = {"typescript": (".ts", ".tsx", ".js", ".jsx", ".mjs"), "python": (".py", ".pyi")}
_PREFIX = re.compile(r"^(?:\w+(?:\([^)]*\))?!?:\s*)")
_PULL = re.compile(r"\s*\(#\d+\)|\s+#\d+\b")


@dataclass(frozen=True)
class Change:
    """A commit of the main line: `files` are its blobs, "" for one that is gone."""

    sha: str
    subject: str
    files: dict[str, str]
    is_new: dict[str, bool]


def _git(repo: Path, *arguments: str) -> str:
    done = subprocess.run(  # noqa: S603 - whichever git there is, on a clone of the caller
        ["git", "-C", str(repo), *arguments],  # noqa: S607
        capture_output=True,
        check=True,
    )
    return done.stdout.decode(errors="replace")


def changes(repo: Path) -> list[Change]:
    """The last commits of the main line, old ones first, each against its first parent."""
    text = _git(
        repo, "log", "--first-parent", "-m", f"-{COMMITS}", "--raw", "--no-abbrev", "--no-renames",
        "-z", "--format=%x01%H%x02%s%x02",
    )  # fmt: skip
    found: list[Change] = []
    for block in text.split("\x01")[1:]:
        sha, subject, rest = block.split("\x02", 2)
        fields = [field for field in rest.strip("\n").split("\0") if field.strip("\n")]
        files: dict[str, str] = {}
        new: dict[str, bool] = {}
        for row, path in zip(fields[::2], fields[1::2], strict=False):
            _, _, _, blob, status = row.strip("\n").split(" ")
            files[path] = "" if status == "D" else blob
            new[path] = status == "A"
        found.append(Change(sha, subject, files, new))
    return found[::-1]


class Blobs:
    """Contents of a clone, through one `git cat-file`."""

    def __init__(self, repo: Path) -> None:
        self._process = subprocess.Popen(  # noqa: S603
            ["git", "-C", str(repo), "cat-file", "--batch"],  # noqa: S607
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._facts: dict[str, Facts] = {}

    def facts(self, path: str, blob: str) -> Facts | None:
        """Of a blob; None where the clone lacks it."""
        key = f"{blob}{suffix_of(path)}"
        if key not in self._facts:
            assert self._process.stdin is not None  # noqa: S101
            assert self._process.stdout is not None  # noqa: S101
            self._process.stdin.write(f"{blob}\n".encode())
            self._process.stdin.flush()
            head = self._process.stdout.readline().split()
            if head[1:2] != [b"blob"]:
                return None
            data = self._process.stdout.read(int(head[2]))
            self._process.stdout.read(1)
            self._facts[key] = facts_of(path, data)
        return self._facts[key]

    def close(self) -> None:
        """End the program."""
        self._process.communicate()


def question(subject: str) -> str:
    """A subject without the number of its pull request and without a conventional prefix."""
    return _PREFIX.sub("", _PULL.sub("", subject)).strip()


@dataclass
class Score:
    """Sums over what was asked."""

    asked: int = 0
    at_5: float = 0.0
    at_10: float = 0.0
    reciprocal: float = 0.0


class Walk:
    """A clone's main line, from the oldest commit that counts to the newest, however often."""

    def __init__(self, repo: Path, *, only_code: bool = False) -> None:
        self._repo = repo
        self._log = changes(repo)
        self._tree = _tree(repo, self._log[0].sha)
        self._endings = _language(self._tree)
        self._suffixes = frozenset(self._endings) if only_code else PROGRAMS | TEXTS
        self._blobs = Blobs(repo)
        self._before = list(_before(repo, self._log[0].sha))
        self.able = _able(self._log, self._endings)
        """Numbers of the commits that can be asked about."""

    def until(self, asked: set[int], index: Index) -> Iterator[tuple[Change, set[str]]]:
        """Each commit that is asked about, with what it changed; the index stands before it."""
        for path, blob in self._tree.items():
            self._put(index, path, blob)
        index.history.add(self._before)
        for number, change in enumerate(self._log[1:], 1):
            if number in asked:
                yield change, _truth(change, self._endings)
            for path, blob in change.files.items():
                if blob:
                    self._put(index, path, blob)
                else:
                    index.drop(path)
            index.history.add([Commit(question(change.subject), list(change.files))])

    def scores(self, asked: set[int], choices: Sequence[Weights]) -> list[Score]:
        """How each of several weights does on these commits."""
        index, scores = Index(), [Score() for _ in choices]
        for change, truth in self.until(asked, index):
            for weights, score in zip(choices, scores, strict=True):
                index.weights = weights
                ranked = index.rank(question(change.subject), limit=10)
                count_found(score, [it.path for it in ranked], truth)
        return scores

    def close(self) -> None:
        """Read no more."""
        self._blobs.close()

    def _put(self, index: Index, path: str, blob: str) -> None:
        is_wanted = suffix_of(path) in self._suffixes and is_indexed(path)
        facts = self._blobs.facts(path, blob) if is_wanted else None
        if facts is not None:
            index.put(path, facts)


def sample_of(able: Sequence[int]) -> set[int]:
    """The commits that are asked about where something is measured."""
    return set(random.Random(SEED).sample(able, min(ASKED, len(able))))  # noqa: S311 - a sample


def _tree(repo: Path, commit: str) -> dict[str, str]:
    rows = _git(repo, "ls-tree", "-r", "-z", commit).split("\0")
    found: dict[str, str] = {}
    for row in rows:
        if row:
            head, path = row.split("\t", 1)
            mode, kind, blob = head.split(" ")
            if kind == "blob" and mode != "120000":
                found[path] = blob
    return found


def _before(repo: Path, commit: str) -> Iterator[Commit]:
    text = _git(
        repo,
        "log",
        "--first-parent",
        "-m",
        "-2000",
        "--name-only",
        "--no-renames",
        "-z",
        "--format=%x01%s%x02",
        commit,
    )
    for block in reversed(text.split("\x01")[1:]):
        subject, rest = block.split("\x02", 1)
        yield Commit(
            question(subject), [path.strip("\n") for path in rest.split("\0") if path.strip("\n")]
        )


def language_of(repo: Path) -> str:
    """The language of which a clone has the most files now: a key of `CODE`."""
    endings = _language(_tree(repo, "HEAD"))
    return next(name for name, ends in CODE.items() if ends == endings)


def _language(tree: dict[str, str]) -> tuple[str, ...]:
    counts = {name: sum(suffix_of(path) in ends for path in tree) for name, ends in CODE.items()}
    return CODE[max(counts, key=lambda name: counts[name])]


def _truth(change: Change, endings: Sequence[str]) -> set[str]:
    return {path for path in change.files if suffix_of(path) in endings and not change.is_new[path]}


def _able(log: Sequence[Change], endings: Sequence[str]) -> list[int]:
    return [
        number
        for number, change in enumerate(log)
        if number
        and not change.subject.startswith("Merge ")
        and 1 <= len(_truth(change, endings)) <= MOST_CHANGED
    ]


def count_found(score: Score, ranked: Sequence[str], truth: set[str]) -> None:
    """Add to the score what one question has found."""
    score.asked += 1
    for limit in (5, 10):
        hits = len(truth.intersection(ranked[:limit])) / min(len(truth), limit)
        if limit == 5:  # noqa: PLR2004
            score.at_5 += hits
        else:
            score.at_10 += hits
    first = next((place for place, path in enumerate(ranked, 1) if path in truth), None)
    score.reciprocal += 1 / first if first else 0.0
