"""How many steps or runs of jobs execute at once: as it is written in `@job`, and compiled."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from engine.expressions import Expression
from engine.judging import check_number, check_word, listed

MAX_CONCURRENCY = 2

Scope = Literal["fn", "env", "account"]
Counted = Literal["steps", "runs"]


@dataclass(frozen=True)
class ConcurrencyRule:
    """A Concurrency, compiled; `prefix` tells scopes apart."""

    limit: int
    key: Expression | None
    prefix: str
    counts: Counted


@dataclass(frozen=True)
class Concurrency:
    """At most `limit` steps execute at once for each value of `key` (CEL over `event`).

    A run keeps its place between two steps, so runs of one key do not interleave; it gives the
    place up while it sleeps, waits or backs off. `scope` "fn" counts this job alone; "env" and
    "account" count every job that names the same key. With `counts` "runs" a run takes one place
    however many of its steps execute side by side.
    """

    limit: int
    key: str | None = None
    scope: Scope = "fn"
    counts: Counted = "steps"

    def check(self) -> None:
        """Raise ValueError where it lets nothing through, or a word is none."""
        check_number("a concurrency limit", self.limit)
        check_word("the scope of a concurrency limit", self.scope, Scope)
        check_word("what a concurrency limit counts", self.counts, Counted)

    def compile(self, job_id: str) -> ConcurrencyRule:
        """The rule of this job. Raises: ValueError."""
        self.check()
        prefix = f"fn:{job_id}" if self.scope == "fn" else self.scope
        key = None if self.key is None else Expression(self.key)
        return ConcurrencyRule(self.limit, key, prefix, self.counts)


Limits = int | Concurrency | Sequence[Concurrency]


def compile_limits(job_id: str, given: Limits) -> tuple[ConcurrencyRule, ...]:
    """The rules of a job, for which a number is a limit of all its steps. Raises: ValueError."""
    if isinstance(given, int):
        given = Concurrency(given)
    rules = listed("concurrency", given, Concurrency)
    if len(rules) > MAX_CONCURRENCY:
        raise ValueError(f"a job has at most {MAX_CONCURRENCY} concurrency limits")
    return tuple(rule.compile(job_id) for rule in rules)
