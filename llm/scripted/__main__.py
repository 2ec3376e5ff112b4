"""`python -m llm.scripted --scenario FILE [--port N]`."""

import argparse
import sys
from pathlib import Path

from llm.scripted.scenario import InvalidScenario
from llm.scripted.serve import run


def main() -> None:
    """Parse the arguments and serve."""
    parser = argparse.ArgumentParser(prog="llm.scripted", description=__doc__)
    parser.add_argument("--scenario", type=Path, required=True, help="a scenario file (JSON)")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    arguments = parser.parse_args()
    try:
        run(arguments.scenario, port=arguments.port)
    except InvalidScenario as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
