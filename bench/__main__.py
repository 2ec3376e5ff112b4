"""`python -m bench SUITE`: figures of one suite, the last line as JSON."""

import asyncio
import sys

from bench import store, stream
from bench.engine import suite as engine

SUITES = {"engine": engine.main, "store": store.main, "stream": stream.main}


def main() -> None:
    """Run the suite that the argument names."""
    if len(sys.argv) != 2 or sys.argv[1] not in SUITES:  # noqa: PLR2004 - our name and the suite's
        sys.exit(f"usage: python -m bench {'|'.join(SUITES)}   (make bench SUITE=name)")
    asyncio.run(SUITES[sys.argv[1]]())


if __name__ == "__main__":
    main()
