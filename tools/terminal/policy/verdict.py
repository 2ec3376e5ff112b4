"""What a rule may say of a program call, and the words that it judges."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Word:
    """One argument: its text without quotes; not `is_literal` if something is put in at run time.

    The text of one that is not literal is what stands before the first such place.
    """

    text: str
    is_literal: bool = True


@dataclass(frozen=True)
class Call:
    """One program with its arguments, and the variables that are set for it."""

    program: Word
    arguments: tuple[Word, ...] = ()
    variables: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The program with its arguments, as the patterns of approvals name them."""
        return " ".join(word.text for word in (self.program, *self.arguments)).strip()

    @property
    def is_exact(self) -> bool:
        """Whether its words are known before it runs."""
        return all(word.is_literal for word in (self.program, *self.arguments))


@dataclass(frozen=True)
class Denied:
    """Never runs; `program` is the one that must not, which may stand in another's arguments."""

    reason: str
    program: str = ""


@dataclass(frozen=True)
class Ask:
    """Runs with a person's consent."""

    reason: str
    program: str = ""


def names(text: str) -> frozenset[str]:
    """The words of a text: lists of names read better so."""
    return frozenset(text.split())


Verdict = Denied | Ask | None
"""None: it may run."""

Judge = Callable[[Call], Verdict]
"""Judges a call that is part of another one's arguments, as `find -exec` has."""

Rule = Callable[[Sequence[Word], Judge], Verdict]
"""What holds for the arguments of one program."""
