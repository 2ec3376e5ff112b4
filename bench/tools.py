"""`make bench SUITE=tools`: what the agent's tools take, on packages of the npm registry.

The last line is one JSON object with each figure under its name in the docstrings of the modules
that measure: `bench.tools_search`, `tools_files`, `tools_lsp`, `tools_workspace`, `tools_sandbox`
and `tools_relevance`. `repositories` names what was worked on, `left_out` what could not be
measured here, and why.

How well getRelevantFiles finds what commits changed needs clones with their history, which no
registry has: the variable `BENCH_CLONES` names their folders, with `:` between them.
"""

import asyncio
import json
import os
from pathlib import Path

from app.settings import own_environment
from app.tools import TOOLS
from bench import tools_files, tools_lsp, tools_relevance, tools_sandbox, tools_search
from bench import tools_workspace as workspace
from bench.figures import say, say_machine
from tools.registry import Toolbox
from tools.sandbox.sandbox import Sandbox

CLONES = "BENCH_CLONES"
REPOSITORIES = (*tools_search.PACKAGES, tools_files.PACKAGE, tools_lsp.PACKAGE)

Figure = float | dict[str, float]


async def main() -> None:
    """Measure one part after the other: beside each other they would slow each other down."""
    say_machine()
    figures: dict[str, Figure] = {"tools.prompt_tokens": prompt_tokens()}
    left_out: dict[str, str] = {}
    figures |= await tools_search.measure()
    figures |= await tools_lsp.figures()
    figures |= await workspace.figures()
    async with Sandbox() as sandbox:
        kind = sandbox.kind
    if kind is None:
        why = "this machine offers no sandbox"
        left_out |= dict.fromkeys(
            ("tools.sandbox_overhead_p50_ms", "tools.process_tree_dead_p95_ms"), why
        )
    else:
        figures |= await tools_sandbox.figures()
    clones = [Path(each) for each in own_environment().get(CLONES, "").split(os.pathsep) if each]
    if clones:
        figures |= await asyncio.to_thread(relevance, clones)
    else:
        left_out["tools.relevant_recall_at_5"] = f"{CLONES} names no clones with their history"
    for name, why in left_out.items():
        say(f"  {name} is left out: {why}")
    rounded = {name: _rounded(value) for name, value in sorted(figures.items())}
    names = [*REPOSITORIES, *(clone.name for clone in clones)]
    print(json.dumps({"repositories": names, **rounded, "left_out": left_out}), flush=True)


def prompt_tokens() -> float:
    """`tools.prompt_tokens`: the whole list of tools as sent, four characters to a token."""
    tokens = tools_files.prompt_tokens(Toolbox(TOOLS))
    say(f"  {len(TOOLS)} tools as sent: {tokens:,.0f} tokens")
    return tokens


def relevance(clones: list[Path]) -> dict[str, Figure]:
    """`tools.relevant_recall_at_5` and `tools.relevant_query_ms`, each by the language of a clone.

    The share of the files that a commit changed which are among the first five for its subject, a
    mean over 300 commits; and the median of the milliseconds that a question takes.
    """
    recall: dict[str, float] = {}
    query_ms: dict[str, float] = {}
    for clone in clones:
        found = tools_relevance.measure(clone)
        language = tools_relevance.language_of(clone)
        say(f"  {clone.name} ({language}): {found}")
        recall[language], query_ms[language] = found["recall_at_5"], found["ms"]
    return {"tools.relevant_recall_at_5": recall, "tools.relevant_query_ms": query_ms}


def _rounded(value: Figure) -> Figure:
    if isinstance(value, float | int):
        return round(value, 3)
    return {name: round(each, 3) for name, each in value.items()}
