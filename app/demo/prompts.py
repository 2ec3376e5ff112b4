"""What the demo asks, for the project that ships with it and for any other."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Prompts:
    """`change` edits files, `cancelled` talks at length, `killed` does both.

    `mended` makes a type error on the way and runs the tests; None for a project that is not known.
    """

    change: str
    mended: str | None
    cancelled: str
    killed: str


_KILLED = (
    "Note the latest change in CHANGELOG.md (create it if needed). "
    "Then write a thorough summary of the whole project, at least six paragraphs."
)
_CANCELLED = "Explain in great detail how settling works, step by step, for a newcomer."

SAMPLE = Prompts(
    change=(
        "Splitting 10.00 between three people loses a cent. "
        "Make the shares add up again and add a test that shows it."
    ),
    mended=(
        "Print amounts with their currency: `formatAmount` takes it, and the command prints EUR. "
        "Run the tests when you are done."
    ),
    cancelled=_CANCELLED,
    killed=_KILLED,
)
ANY_PROJECT = Prompts(
    change="Look at the structure of this project and write NOTES.md: which files there are.",
    mended=None,
    cancelled=_CANCELLED.replace("how settling works", "how settling works in accounting software"),
    killed=_KILLED,
)
