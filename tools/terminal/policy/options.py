"""Reading the arguments of a call: which options it has, and what stands behind them."""

from collections.abc import Collection, Iterator, Sequence

from tools.terminal.policy.verdict import Denied, Verdict, Word

SHORTEST = 4  # characters of a long option that a program may take for the whole: --up…


def forbidden_option(arguments: Sequence[Word], names: Collection[str]) -> str | None:
    """The first argument that is one of these options, also shortened or with its value joined.

    A name with one dash and one letter is also found in a group of letters, and with its value
    behind it.
    """
    for word in until_end_of_options(arguments):
        option = word.text.partition("=")[0]
        for name in names:
            if name.startswith("--"):
                is_it = option == name or (len(option) >= SHORTEST and name.startswith(option))
            else:
                is_it = word.text[:1] == "-" and word.text[:2] != "--" and name[1] in word.text[1:]
            if is_it and option.startswith("-"):
                return name
    return None


def until_end_of_options(arguments: Sequence[Word]) -> Iterator[Word]:
    """The arguments before `--`."""
    for word in arguments:
        if word.text == "--" and word.is_literal:
            return
        yield word


def positional(arguments: Sequence[Word], *, valued: Collection[str] = ()) -> list[Word]:
    """The arguments that are no options, nor values of the options that are `valued`."""
    found: list[Word] = []
    takes_value = is_over = False
    for word in arguments:
        if takes_value:
            takes_value = False
        elif word.text == "--" and not is_over:
            is_over = True
        elif is_over or not word.text.startswith("-") or word.text == "-":
            found.append(word)
        else:
            takes_value = word.text in valued
    return found


def _takes(option: str, valued: Collection[str]) -> bool:
    """Whether the next argument is the value of this one: also of the last letter of a group."""
    is_group = option[:1] == "-" and option[:2] != "--"
    return option in valued or (is_group and f"-{option[-1]}" in valued)


def unclear(arguments: Sequence[Word], *, free_after: Collection[str] = ()) -> Verdict:
    """Refuses a word that may become an option only when the line runs.

    Values of options in `free_after`, and what stands after `--`, may be anything.
    """
    previous = ""
    for word in until_end_of_options(arguments):
        if not word.is_literal and word.text[:1] in {"", "-"} and not _takes(previous, free_after):
            return Denied(
                "one of its arguments is put together at run time and could be an option; write "
                "it out, or put -- before file names"
            )
        previous = word.text
    return None
