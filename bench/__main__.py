"""`python -m bench SUITE`: figures of one suite, the last line as JSON."""

import asyncio
import sys

from bench import fairness, generate, start, store, stream, tools
from bench.agent import suite as agent
from bench.doors import suite as doors
from bench.engine import suite as engine
from bench.github import suite as github
from bench.web import suite as web

SUITES = {
    "fairness": fairness.main,
    "generate": generate.main,
    "start": start.main,
    "store": store.main,
    "stream": stream.main,
    "tools": tools.main,
}


def main() -> None:
    """Run the suite that the first argument names.

    The engine's takes options of its own, those of the agent, the doors, GitHub and the web the
    names of some parts.
    """
    match sys.argv[1:]:
        case ["engine", *options]:
            asyncio.run(engine.main(engine.read_options(options)))
        case ["agent", *parts] if set(parts) <= set(agent.PARTS):
            asyncio.run(agent.main(parts))
        case ["doors", *parts] if set(parts) <= set(doors.PARTS):
            asyncio.run(doors.main(parts))
        case ["github", *parts] if set(parts) <= set(github.PARTS):
            asyncio.run(github.main(parts))
        case ["web", *parts] if set(parts) <= set(web.PARTS):
            asyncio.run(web.main(parts))
        case [suite] if suite in SUITES:
            asyncio.run(SUITES[suite]())
        case _:
            names = "|".join(["agent", "doors", "engine", "github", "web", *SUITES])
            sys.exit(f"usage: python -m bench {names}   (make bench SUITE=name)")


if __name__ == "__main__":
    main()
