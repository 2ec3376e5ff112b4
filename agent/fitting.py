"""What of a conversation is sent whole, and what shortened, so that it fits.

What goes first is what can be had again: old tool results, then old turns, then old exchanges. The
decision is a fold over the conversation from its beginning: room is made only when the next turn
would not fit, and then more than it needs. So the beginning of the request stays the same from turn
to turn, and with it the provider's cache and the thoughts that are bound to it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from agent.exchanges import Exchange
from agent.sizes import said_size

TARGET = 3 / 4  # of the budget is filled after room was made, if that can be had


def digest_chars(budget: int) -> int:
    """How long the digest of an answer may be: a few hundred paths where there is room."""
    return min(7_500, budget // 6)


def listing_chars(budget: int) -> int:
    """How long the listing of the oldest exchanges may be."""
    return min(12_000, budget // 6)


@dataclass(frozen=True)
class Cut:
    """How many are shortened, counted from the oldest on.

    Exchanges that are only listed, turns that are told in a digest, turns with shortened results.
    """

    merged: int = 0
    digested: int = 0
    brief: int = 0


@dataclass(frozen=True)
class TurnSize:
    """Characters of a turn with its results, whole and with shortened ones.

    `said`: what the person said before it, which is never shortened, as a question is.
    """

    whole: int
    brief: int
    in_digest: int
    said: int = 0


@dataclass(frozen=True)
class Start:
    """What a summary of so many characters stands for: exchanges, and turns of the one after."""

    exchanges: int = 0
    turns: int = 0
    chars: int = 0


@dataclass(frozen=True)
class Fit:
    """The cut, and the one that was in force when each turn was generated, by position.

    `chars` is about what all of it comes to.
    """

    cut: Cut
    before: tuple[Cut, ...]
    chars: int


@dataclass
class _Fold:
    budget: int
    cut: Cut = Cut()
    size: int = 0
    turns: list[TurnSize] = field(default_factory=list[TurnSize])
    answer_of: list[int] = field(default_factory=list[int])  # by turn
    digests: dict[int, int] = field(default_factory=dict[int, int])  # characters, by answer
    exchanges: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    """Of each: its size beside the turns, and how many turns there are up to its end."""
    merged_turns: int = 0

    def add(self, size: int, *, unseen_turns: int = 0) -> None:
        """Count something; of the latest turns, so many have results that were not seen yet."""
        self.size += size
        if self.size > self.budget:
            self._make_room(len(self.turns) - unseen_turns)

    def add_turn(self, turn: TurnSize, answer: int, *, is_brief: bool) -> None:
        self.turns.append(turn)
        self.answer_of.append(answer)
        count = len(self.turns)
        if is_brief:
            self.cut = replace(self.cut, digested=count, brief=count)
            self._add_to_digest(count - 1)
            self.add(0)
        else:
            self.add(turn.whole, unseen_turns=1)

    def add_covered_turn(self, turn: TurnSize, answer: int, *, is_listed: bool) -> None:
        """Count a turn that a summary stands for: of a listed exchange nothing else is told."""
        self.turns.append(turn)
        self.answer_of.append(answer)
        if not is_listed:
            self._add_to_digest(len(self.turns) - 1)

    def _make_room(self, seen_turns: int) -> None:
        target = int(self.budget * TARGET)
        while self.size > target and self.cut.brief < seen_turns:
            turn = self.turns[self.cut.brief]
            self.size -= turn.whole - turn.brief
            self.cut = replace(self.cut, brief=self.cut.brief + 1)
        while self.size > target and self.cut.digested < self.cut.brief:
            self.size -= self.turns[self.cut.digested].brief
            self._add_to_digest(self.cut.digested)
            self.cut = replace(self.cut, digested=self.cut.digested + 1)
        while self.size > target and self._can_merge():
            self._merge()

    def _add_to_digest(self, position: int) -> None:
        answer = self.answer_of[position]
        before = self.digests.get(answer, 0)
        after = min(digest_chars(self.budget), before + self.turns[position].in_digest)
        self.digests[answer] = after
        self.size += after - before

    def _can_merge(self) -> bool:
        """The exchange that is being told now is never merged."""
        merged = self.cut.merged
        return merged < len(self.exchanges) - 1 and self.exchanges[merged][1] <= self.cut.digested

    def _merge(self) -> None:
        size, end = self.exchanges[self.cut.merged]
        answers = {self.answer_of[position] for position in range(self.merged_turns, end)}
        self.size -= size + sum(self.digests.pop(answer, 0) for answer in answers)
        if self.cut.merged == 0:
            self.size += listing_chars(self.budget)
        self.merged_turns = end
        self.cut = replace(self.cut, merged=self.cut.merged + 1)


def fitted(
    exchanges: Sequence[Exchange],
    sizes: Sequence[TurnSize],
    budget: int,
    start: Start = Start(),
    *,
    untold: int = 0,
) -> Fit:
    """What to shorten of `exchanges`, whose turns have these `sizes` in order, for the budget.

    The question to answer and the results that the model has not seen are never shortened here.
    What a summary stands for is shortened from the `start`. So many characters that the person has
    said since are `untold`, and follow.
    """
    fold = _begun(exchanges, budget, start)
    covered = fold.cut.digested
    before: list[Cut] = []
    answer_number = 0
    for number, exchange in enumerate(exchanges):
        is_listed = number < start.exchanges
        fold.exchanges.append((0, len(fold.turns)))
        if not is_listed:
            _grow_exchange(fold, said_size(exchange.question, exchange.images))
        for answer in exchange.answers:
            answer_number += 1
            for _ in answer.turns:
                size = sizes[len(fold.turns)]
                if not is_listed:
                    _grow_exchange(fold, size.said, unseen_turns=1)
                before.append(fold.cut)
                fold.exchanges[-1] = (fold.exchanges[-1][0], len(fold.turns) + 1)
                if len(fold.turns) < covered:
                    fold.add_covered_turn(size, answer_number, is_listed=is_listed)
                else:
                    fold.add_turn(size, answer_number, is_brief=answer.is_brief)
            if answer.ended and not is_listed:
                _grow_exchange(fold, len(answer.ended))
    fold.add(untold, unseen_turns=1)
    return Fit(fold.cut, tuple(before), fold.size)


def cut_of(exchanges: Sequence[Exchange], start: Start) -> Cut:
    """What a summary alone shortens."""
    covered = _turns_in(exchanges[: start.exchanges]) + start.turns
    return Cut(merged=start.exchanges, digested=covered, brief=covered)


def _begun(exchanges: Sequence[Exchange], budget: int, start: Start) -> _Fold:
    listed = _turns_in(exchanges[: start.exchanges])
    size = start.chars + (listing_chars(budget) if start.exchanges else 0)
    return _Fold(budget, cut_of(exchanges, start), size, merged_turns=listed)


def _turns_in(exchanges: Sequence[Exchange]) -> int:
    return sum(len(answer.turns) for exchange in exchanges for answer in exchange.answers)


def _grow_exchange(fold: _Fold, size: int, *, unseen_turns: int = 0) -> None:
    own, end = fold.exchanges[-1]
    fold.exchanges[-1] = (own + size, end)
    fold.add(size, unseen_turns=unseen_turns)
