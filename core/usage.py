"""How many tokens were used, and what they cost."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Usage:
    """Tokens of one turn, as the provider counted them; zero where it does not say.

    `input_tokens` are those paid in full: what was read from or written to the cache is not in it.
    `cost_usd` is None where the price or the count is unknown. A sum adds the costs that are known.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cost_usd: float | None = None

    @property
    def tokens(self) -> int:
        """All of them."""
        return (
            self.input_tokens
            + self.output_tokens
            + self.cache_read_tokens
            + self.cache_write_tokens
        )

    def __add__(self, more: "Usage") -> "Usage":
        costs = [cost for cost in (self.cost_usd, more.cost_usd) if cost is not None]
        return Usage(
            input_tokens=self.input_tokens + more.input_tokens,
            output_tokens=self.output_tokens + more.output_tokens,
            cache_read_tokens=self.cache_read_tokens + more.cache_read_tokens,
            cache_write_tokens=self.cache_write_tokens + more.cache_write_tokens,
            cost_usd=sum(costs) if costs else None,
        )
