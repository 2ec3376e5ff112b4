"""The words of a project's files in memory, and how files are ranked by them.

Each part of a file is a row in the lists of its words; a file that changes gets new rows, and the
old ones are left until half of all rows are dead. Numbers stand in arrays: about 6 bytes a word of
a part.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from heapq import nlargest, nsmallest
from math import log
from typing import NamedTuple

from tools.search.relevance.facts import PROGRAMS, Facts, suffix_of
from tools.search.relevance.history import History
from tools.search.relevance.imports import ImportGraph
from tools.search.relevance.names import is_test, own_words, subject_of
from tools.search.relevance.weights import Weights, shipped_weights
from tools.search.relevance.words import asked_words, count_words

MOST_WORDS = 40  # of a question
RELATED = 30  # files that fit best, whose relatives fit better
_K1 = 1.2


class Named(NamedTuple):
    """How often a word stands in the path of a file, and whether in a name that it defines."""

    in_path: int
    defined: bool


class Standing(NamedTuple):
    """How rare a word is, and how often it stands in each file that has it."""

    rarity: float
    files: Mapping[str, float]


@dataclass(frozen=True)
class Ranked:
    """A file, how well it fits, and why."""

    path: str
    score: float
    reasons: tuple[str, ...]


@dataclass
class _File:
    length: int
    names: Sequence[str]
    words: Sequence[str]  # of path and definitions
    own: frozenset[str]  # of its name
    is_program: bool
    chunks: range


@dataclass
class _Words:
    """Where a word stands: rows of parts, and how often in each."""

    chunks: array[int] = field(default_factory=lambda: array("I"))
    counts: array[int] = field(default_factory=lambda: array("H"))


class Index:
    """Files by their words. Not safe for threads."""

    def __init__(self, weights: Weights | None = None) -> None:
        self.weights = weights or shipped_weights()
        self.history = History()
        self._files: dict[str, _File] = {}
        self._words: dict[str, _Words] = {}
        self._named: dict[str, dict[str, Named]] = defaultdict(dict)
        self._about: dict[str, dict[str, None]] = defaultdict(dict)  # by subject, programs
        self._path_of: list[str | None] = []  # by part; None: of a file as it was
        self._length_of: array[int] = array("I")
        self._dead_chunks = 0
        self._total = 0
        self._graph = ImportGraph()

    def __contains__(self, path: str) -> bool:
        """Whether a file is indexed."""
        return path in self._files

    def __len__(self) -> int:
        """How many files there are."""
        return len(self._files)

    @property
    def paths(self) -> list[str]:
        """Those of all files."""
        return list(self._files)

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        return 16 * sum(self._length_of) + 2_000 * len(self._files) + 300 * len(self._words)

    @property
    def is_worn(self) -> bool:
        """Whether most of it is of files as they were: make a new one."""
        return self._dead_chunks > max(2_000, len(self._path_of) // 2)

    def put(self, path: str, facts: Facts) -> None:
        """A file is there, or has changed."""
        self._take_out(path)
        first = len(self._path_of)
        length = 0
        for counts in facts.chunks:
            chunk = len(self._path_of)
            size = sum(counts.values())
            length += size
            self._path_of.append(path)
            self._length_of.append(size)
            for word, count in counts.items():
                words = self._words.get(word)
                if words is None:
                    words = self._words[word] = _Words()
                words.chunks.append(chunk)
                words.counts.append(min(count, 65_535))
        in_path = count_words([path.replace("/", " ")])
        named = tuple({**in_path, **facts.defines})
        for word in named:
            self._named[word][path] = Named(in_path[word], word in facts.defines)
        chunks = range(first, len(self._path_of))
        is_program = suffix_of(path) in PROGRAMS
        self._files[path] = _File(length, facts.names, named, own_words(path), is_program, chunks)
        if is_program:
            self._about[subject_of(path)][path] = None
        self._total += length
        self._graph.put(path, facts.imports)

    def drop(self, path: str) -> None:
        """A file is gone."""
        self._take_out(path)
        self._graph.drop(path)

    def _take_out(self, path: str) -> None:
        file = self._files.pop(path, None)
        if file is None:
            return
        for chunk in file.chunks:
            self._path_of[chunk] = None
        self._dead_chunks += len(file.chunks)
        self._total -= file.length
        for word in file.words:
            self._named[word].pop(path, None)
        self._about[subject_of(path)].pop(path, None)

    def rank(
        self,
        query: str,
        *,
        current: str | None = None,
        recent: Mapping[str, float] | None = None,
        limit: int = 5,
    ) -> list[Ranked]:
        """The files that fit best. `recent` are files with what they are worth more, 0 to 1."""
        asked = asked_words(query)
        words = list(asked)[:MOST_WORDS]
        self._graph.refresh()
        scores, standing = self._lexical(words)
        reasons: dict[str, list[str]] = defaultdict(list)
        self._add_history(words, scores, reasons)
        best = {path: scores[path] for path in nlargest(RELATED, scores, key=scores.__getitem__)}
        self._add_neighbours(best, scores, reasons)
        self._add_tests(best, scores, reasons)
        self._add_names(standing, scores)
        for path, worth in (recent or {}).items():
            if path in scores:
                scores[path] += 0.1 * worth
                reasons[path].append("Edited recently")
        if current is not None:
            self._add_current(current, scores, reasons)
        ranked = nsmallest(limit, scores.items(), key=lambda item: (-item[1], item[0]))
        return [
            Ranked(path, score, (*_terms(path, asked, standing), *reasons[path]))
            for path, score in ranked
        ]

    def _lexical(self, words: Sequence[str]) -> tuple[dict[str, float], dict[str, Standing]]:
        """BM25 over whole files, with names counting more, and the best part of each; 0 to 1.

        Also where each of the words stands, without those that stand nowhere.
        """
        weights = self.weights
        count = len(self._files)
        standing: dict[str, Standing] = {}
        whole: dict[str, float] = defaultdict(float)
        parts: dict[int, float] = defaultdict(float)
        for word in words:
            rows = self._standing(word)
            named = self._named.get(word, {})
            in_file: dict[str, float] = dict.fromkeys(named, 0)
            for path, _, times in rows:
                in_file[path] = in_file.get(path, 0) + times
            if not in_file:
                continue
            idf = log(1 + (count - len(in_file) + 0.5) / (len(in_file) + 0.5))
            standing[word] = Standing(idf, in_file)
            self._score_files(idf, in_file, named, whole)
            self._score_parts(idf, rows, parts)
        best: dict[str, float] = {}
        for chunk, score in parts.items():
            path = self._path_of[chunk]
            if path is not None and score > best.get(path, 0.0):
                best[path] = score
        files = self._files
        scores = {
            path: (score + weights.chunk * best.get(path, 0.0))
            * (files[path].is_program or weights.text)
            for path, score in whole.items()
        }
        most = max(scores.values(), default=0.0)
        scores = {path: score / most for path, score in scores.items()} if most else {}
        return scores, standing

    def _standing(self, word: str) -> list[tuple[str, int, int]]:
        """The parts in which a word stands: file, part, how often."""
        words, path_of = self._words.get(word), self._path_of
        if words is None:
            return []
        return [
            (path, chunk, times)
            for chunk, times in zip(words.chunks, words.counts, strict=True)
            if (path := path_of[chunk]) is not None
        ]

    def _score_files(
        self,
        idf: float,
        in_file: Mapping[str, float],
        named: Mapping[str, Named],
        whole: dict[str, float],
    ) -> None:
        weights, files = self.weights, self._files
        base = 1 - weights.length
        slope = weights.length * len(files) / max(1, self._total)
        for path, times in in_file.items():
            weighted = times / (base + slope * files[path].length)
            if (name := named.get(path)) is not None:
                weighted += weights.path * name.in_path + weights.defines * name.defined
            whole[path] += idf * weighted * (_K1 + 1) / (weighted + _K1)

    def _score_parts(
        self, idf: float, rows: Sequence[tuple[str, int, int]], parts: dict[int, float]
    ) -> None:
        alive = max(1, len(self._path_of) - self._dead_chunks)
        base = _K1 * (1 - self.weights.length)
        slope = _K1 * self.weights.length * alive / max(1, self._total)
        top, length_of = idf * (_K1 + 1), self._length_of
        for _, chunk, times in rows:
            parts[chunk] += top * times / (times + base + slope * length_of[chunk])

    def _worth(self, path: str) -> float:
        return 1.0 if self._files[path].is_program else self.weights.text

    def _add_history(
        self, words: Sequence[str], scores: dict[str, float], reasons: dict[str, list[str]]
    ) -> None:
        found = self.history.files_for(words)
        most = max(found.values(), default=0.0)
        for path, score in found.items():
            if path in self._files:
                share = score / most
                scores[path] = scores.get(path, 0.0) + self.weights.history * share
                if share > 0.3:  # noqa: PLR2004 - less says little
                    reasons[path].append("Changed by commits about this")

    def _add_neighbours(
        self,
        fitting: Mapping[str, float],
        scores: dict[str, float],
        reasons: dict[str, list[str]],
    ) -> None:
        """A file that imports, or is imported by, files that fit, fits better."""
        imported, importing = self._graph.imported, self._graph.importing
        best: dict[str, tuple[float, str, str]] = {}
        for path in fitting:
            for other, word in (
                *((other, "Imported by") for other in imported.get(path, ())),
                *((other, "Imports") for other in importing.get(path, ())),
            ):
                degree = len(importing.get(other, ())) + len(imported.get(other, ()))
                gain = fitting[path] / (1 + log(1 + degree))
                if gain > best.get(other, (0.0,))[0]:
                    best[other] = (gain, word, path)
        for path, (gain, word, other) in best.items():
            if path in scores:
                scores[path] += self.weights.neighbour * gain
                reasons[path].append(f"{word} {other}")

    def _add_tests(
        self,
        fitting: Mapping[str, float],
        scores: dict[str, float],
        reasons: dict[str, list[str]],
    ) -> None:
        """What tests a file that fits, and what a test that fits is of, fit better."""
        best: dict[str, tuple[float, str]] = {}
        for path in fitting:
            alike = self._about.get(subject_of(path), {})
            if path not in alike:
                continue
            gain = fitting[path] / len(alike) ** 0.5  # many of one name say less
            for other in alike:
                if is_test(other) != is_test(path) and gain > best.get(other, (0.0,))[0]:
                    best[other] = (gain, path)
        for path, (gain, other) in best.items():
            if path in scores:
                scores[path] += self.weights.tests * gain
                reasons[path].append(f"{'Tests' if is_test(path) else 'Tested by'} {other}")

    def _add_names(self, standing: Mapping[str, Standing], scores: dict[str, float]) -> None:
        """A file whose own name is asked for fits better, and one that defines what is."""
        defined: dict[str, float] = {}
        for word, (rarity, _) in standing.items():
            for path, name in self._named.get(word, {}).items():
                defined[path] = defined.get(path, 0.0) + rarity * name.defined
        total = sum(rarity for rarity, _ in standing.values())
        for path, worth in defined.items():
            own = self._files[path].own
            share = len(own & standing.keys()) / len(own) if own else 0.0
            gain = self.weights.name * share + self.weights.defined * worth / total
            scores[path] = scores.get(path, 0.0) + gain

    def _add_current(
        self, current: str, scores: dict[str, float], reasons: dict[str, list[str]]
    ) -> None:
        imported, importing = self._graph.imported, self._graph.importing
        together = self.history.changed_with(current)
        most = max(together.values(), default=0)
        for path in self._files:
            gain = 0.0
            if path in imported.get(current, ()):
                gain += 0.5
                reasons[path].append("Imported by current file")
            if path in importing.get(current, ()):
                gain += 0.4
                reasons[path].append("Imports current file")
            if most and together.get(path, 0) > 1:
                gain += 0.4 * together[path] / most
                reasons[path].append("Often changed with current file")
            if subject_of(path) == subject_of(current) and path != current:
                gain += 0.4
                reasons[path].append("Same name as current file")
            if gain or path in scores:
                near = _near(path, current)
                gain += 0.1 * near
                scores[path] = scores.get(path, 0.0) + gain
        scores.pop(current, None)


def _terms(path: str, asked: Mapping[str, str], standing: Mapping[str, Standing]) -> list[str]:
    """Which words of the question a file has, as a reason."""
    terms = dict.fromkeys(asked[word] for word, (_, files) in standing.items() if path in files)
    return [f"Contains query terms: {', '.join(terms)}"] if terms else []


def _near(path: str, other: str) -> float:
    """How much of their folders they share, 0 to 1."""
    mine, its = path.split("/")[:-1], other.split("/")[:-1]
    shared = 0
    for one, two in zip(mine, its, strict=False):
        if one != two:
            break
        shared += 1
    return shared / max(len(mine), len(its), 1)
