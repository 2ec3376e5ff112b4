"""How much of a conversation a model is sent: what its window holds beside the rest."""

from agent.definition import Agent

LEAST_TOKENS = 1_000
_CHARS_PER_TOKEN = 4  # of the system prompt and the tools, which are plain English


def history_budget(agent: Agent) -> int:
    """Tokens of the messages of a request, counted at four characters each.

    The window less the answer, the system prompt and the tools; and of that three quarters, because
    code and other languages have fewer characters a token. `Limits.history_tokens` can only lower
    it.
    """
    limits = agent.limits
    fixed = len(agent.system) + sum(tool.size_chars for tool in agent.toolbox.descriptions)
    window = agent.model.context_window
    answer = min(limits.max_output_tokens, window // 2)
    room = (window - answer - fixed // _CHARS_PER_TOKEN) * 3 // 4
    wanted = room if limits.history_tokens is None else min(room, limits.history_tokens)
    return max(wanted, LEAST_TOKENS)
