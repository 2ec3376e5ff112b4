"""The eight steps in which a project is made, and the words that the agent is given for each."""

from dataclasses import dataclass

from jobs.generate.stacks import Stack

VERIFY = "verify-project"
REPAIR_TURNS = 8
MAX_REPAIRS = 3
TOLD_CHARS = 4_000  # of the description, in the conversation; the agent is told all of it


@dataclass(frozen=True)
class Step:
    """A part of the project; `max_turns` bounds the turns in which the agent may act."""

    name: str
    part: str
    max_turns: int


STEPS = (
    Step("generate-config-files", "config", 8),
    Step("generate-source-structure", "source structure", 8),
    Step("generate-components", "components", 8),
    Step("generate-pages", "pages", 8),
    Step("generate-hooks", "hooks", 6),
    Step("generate-types", "types", 4),
    Step("generate-utilities", "utilities", 6),
    Step("finalize-readme", "readme", 4),
)

_RULES = """\
You are making a whole project from the description below, in eight steps: config, source \
structure, components, pages, hooks, types, utilities, readme. Each message asks for one of them.

- Make what the description asks for, and nothing from a sample: names, texts and data come from \
the description.
- Files that are there already belong to the project: keep what is good, change what is wrong, and \
do not write a file again that is as it should be.
- Each file is complete. It imports only what exists, or what a later step of the eight is going \
to make under exactly that path, and only packages that are declared.
- After the last step the project is installed, type-checked, built and tested by the commands of \
its own scripts. They must end by themselves and need no input.
- Do what this step asks, then answer in one sentence.
"""


def system_words(description: str, stack: Stack) -> str:
    """What stands below the agent's system prompt: the same in each step, so that it is cached."""
    parts = "\n".join(f"- {step.part}: {stack.parts[step.part]}" for step in STEPS)
    return (
        f"{_RULES}\nThe stack, unless the description asks for another one: {stack.title}.\n"
        f"{stack.words}\nWhat each step means in this stack:\n{parts}\n\n"
        f"<project_description>\n{_inside(description)}\n</project_description>\n"
    )


def _inside(description: str) -> str:
    """A description that says where it ends says so in other signs."""
    return description.replace("</project_description", "<\\/project_description")


def step_prompt(step: Step, stack: Stack, description: str) -> str:
    """The message that asks for a step; the first one tells later readers what the project is."""
    number = STEPS.index(step) + 1
    asked = (
        f"Step {number} of {len(STEPS)}, {step.part}: plan it from the project's description, then "
        f"write the files. In this stack that is: {stack.parts[step.part]}"
    )
    if number > 1:
        return asked
    told = description[:TOLD_CHARS]
    return f"{asked}\n\nThe project: {told}{'…' if told != description else ''}"


def repair_prompt(number: int, failure: str) -> str:
    """The message that asks to mend what a check has found."""
    return (
        f"The project was checked, and a command failed. Find the cause and mend it "
        f"(attempt {number} of {MAX_REPAIRS}); do not take the check away, and do not skip tests."
        f"\n\n{failure}"
    )
