"""When the beginning of a conversation is replaced by a summary, and what that is to cover.

Old tool results go first, as in `agent.fitting`: they can be had again. Only when that is not
enough any more, the model is asked for a summary of all that was said and done. It is short, and
what stays whole behind it is less than half of what fits: so a conversation is condensed now and
then, and the beginning of the request stays the same in between.
"""

from dataclasses import replace
from itertools import accumulate

from agent.exchanges import exchanges_of
from agent.fitting import TARGET, cut_of, digest_chars, fitted
from agent.history import start_of, turn_sizes
from agent.sizes import CHARS_PER_TOKEN
from agent.transcript import Asked, Condensed, Loaded

SUMMARY_TOKENS = 4_000
KEPT = 0.4  # of the budget: about what stays whole
LEAST_PROGRESS = 0.1  # of the size: a summary that saves less is not worth its place


def to_condense(loaded: Loaded, *, number: int, budget_tokens: int, at: float) -> Condensed | None:
    """What a summary, still without a text, is to stand for before turn `number`.

    None while the conversation fits into the share `at` of the budget with old results shortened,
    and where there is nothing that a summary could newly stand for.
    """
    exchanges = exchanges_of(loaded)
    sizes = turn_sizes(exchanges)
    budget = budget_tokens * CHARS_PER_TOKEN
    start = start_of(loaded)
    ends = [0, *accumulate(sum(len(a.turns) for a in each.answers) for each in exchanges)]
    known = cut_of(exchanges, start)
    cut = fitted(exchanges, sizes, int(budget * at), start).cut
    if cut.merged <= known.merged and cut.digested <= known.digested:
        return None
    left = fitted(exchanges, sizes, int(budget * KEPT / TARGET), start).cut.digested
    last = len(exchanges) - 1
    whole = max(n for n in range(last + 1) if ends[n] <= left)
    turns = left - ends[whole] if whole == last else 0
    if ends[whole] + turns <= known.digested and whole <= known.merged:
        return None
    return Condensed("", past=_past_before(loaded, whole), turns=turns, made_at=number)


def summary_chars(budget_tokens: int) -> int:
    """How long a summary may be."""
    return min(20_000, budget_tokens * CHARS_PER_TOKEN // 6)


def makes_progress(loaded: Loaded, condensed: Condensed, *, budget_tokens: int) -> bool:
    """Whether the conversation gets shorter by the summary.

    Counted is what the summary newly stands for, with its old results shortened, beside the summary
    and what is told in short of those turns: not what would be left if all of it were cut down to
    fit, for then facts are gone that the summary has.
    """
    exchanges = exchanges_of(loaded)
    sizes = turn_sizes(exchanges)
    before, after = start_of(loaded), start_of(replace(loaded, condensed=condensed))
    first, end = (cut_of(exchanges, start).digested for start in (before, after))
    most = digest_chars(budget_tokens * CHARS_PER_TOKEN)
    told = [min(most, sum(size.in_digest for size in sizes[:count])) for count in (first, end)]
    left = sum(size.brief for size in sizes[end:])
    was = before.chars + told[0] + sum(size.brief for size in sizes[first:end]) + left
    return after.chars + told[1] + left <= (1 - LEAST_PROGRESS) * was


def _past_before(loaded: Loaded, question: int) -> int:
    """How many messages stand before a question, counted from 0."""
    questions = [n for n, item in enumerate(loaded.past) if isinstance(item, Asked)]
    return questions[question]
