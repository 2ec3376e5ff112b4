"""Words of code and of questions: identifiers are split, words are cut to their stems."""

import re
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[^\W\d_]{2,}")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_A-Za-z]+")
_LONGEST = 40
_SHORTEST = 2

_SAYING_NOTHING = (
    "a about above after all also an and any are as at be because been before being below "
    "between both but by can could did do does doing down during each few for from further had "
    "has have having he her here how i if in into is it its just let like me more most my no "
    "nor not now of off on once only or other our out over own please same she should so some "
    "such than that the their them then there these they this those through to too under until "
    "up use used uses using very via want was we were what when where which while who why will "
    "with would you your "
)
STOP = frozenset(_SAYING_NOTHING.split())
"""Words of questions that say nothing of what is asked for."""


def words_of(text: str) -> Counter[str]:
    """How often each stem stands in a text; an identifier counts as its parts and as a whole."""
    counts: Counter[str] = Counter()
    for identifier, count in Counter(_IDENTIFIER.findall(text)).items():
        for word in _split(identifier):
            counts[word] += count
    return counts


def asked_words(text: str) -> dict[str, str]:
    """The stems of a question and the word of each, without those that say nothing."""
    asked: dict[str, str] = {}
    for word in _IDENTIFIER.findall(text):
        if word.lower() not in STOP:
            for each in _split(word):
                asked.setdefault(each, word)
    return asked


def count_words(names: Iterable[str]) -> Counter[str]:
    """Those of a list of names."""
    return words_of(" ".join(names))


@lru_cache(maxsize=200_000)
def _split(identifier: str) -> tuple[str, ...]:
    parts = [part.lower() for part in _PART.findall(identifier)]
    stems = [stem(part) for part in parts if _SHORTEST <= len(part) <= _LONGEST]
    if len(parts) > 1:
        whole = identifier.replace("_", "").lower()
        if len(whole) <= _LONGEST:
            stems.append(whole)
    return tuple(stems)


_ENDINGS = (
    ("ational", "ate"),
    ("ization", "ize"),
    ("ations", "at"),
    ("ation", "at"),
    ("ities", "ity"),
    ("ingly", ""),
    ("ments", ""),
    ("ment", ""),
    ("ness", ""),
    ("ings", ""),
    ("ing", ""),
    ("ions", ""),
    ("ion", ""),
    ("ies", "y"),
    ("ers", ""),
    ("ors", ""),
    ("ed", ""),
    ("er", ""),
    ("or", ""),
    ("es", ""),
    ("ly", ""),
    ("s", ""),
    ("e", ""),
)
_LEAST = 3  # letters that a stem keeps


def stem(word: str) -> str:
    """A word without its ending, so that `renders`, `rendering` and `renderer` are one."""
    if len(word) <= _LEAST or word.endswith("ss"):
        return word
    for ending, instead in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _LEAST:
            word = word[: len(word) - len(ending)] + instead
            break
    if len(word) > _LEAST and word[-1] == word[-2] and word[-1] not in "aeiouls":
        word = word[:-1]
    return word[:-1] + "i" if len(word) > _LEAST and word.endswith("y") else word
