"""Programs that run the program which stands in their arguments: that one is judged, too."""

from collections.abc import Callable, Collection, Sequence
from itertools import pairwise

from tools.terminal.policy.options import forbidden_option, positional
from tools.terminal.policy.verdict import Call, Denied, Judge, Rule, Verdict, Word, names

FIND_RUNS = frozenset({"-exec", "-execdir", "-ok", "-okdir"})
XARGS_VALUED = names("-I -i -n -P -L -l -d -s -E -a --max-args --max-procs --delimiter")
TAR_RUNS = (
    *("--to-command", "--checkpoint-action", "--use-compress-program", "--rsh-command"),
    *("--info-script", "--new-volume-script", "-I", "-F"),
)
UNKNOWN = Word("", is_literal=False)


def judge_find(arguments: Sequence[Word], inner: Judge) -> Verdict:
    """Each program behind -exec and its like."""
    words = list(arguments)
    for index, word in enumerate(words):
        if not word.is_literal and not word.text:
            return Denied("the arguments of find have to be written out")
        if word.text in FIND_RUNS:
            called = words[index + 1 :]
            ends = [place for place, each in enumerate(called) if each.text in {";", "+"}]
            called = called[: ends[0]] if ends else called
            if not called:
                return Denied(f"find {word.text} names no program")
            put_in = [UNKNOWN if "{}" in each.text else each for each in called[1:]]
            if (verdict := inner(Call(called[0], tuple(put_in)))) is not None:
                return verdict
    return None


def judge_xargs(arguments: Sequence[Word], inner: Judge) -> Verdict:
    """The program, with arguments that nobody knows before it runs."""
    called = _behind_options(arguments, XARGS_VALUED)
    if not called:
        return None
    own = [word.text for word in arguments[: len(arguments) - len(called)]]
    marks = [own[place + 1] for place, text in enumerate(own[:-1]) if text == "-I"]
    marks += [text[2:] for text in own if text.startswith("-I") and text[2:]] + ["{}"]
    put_in = [UNKNOWN if any(mark in each.text for mark in marks) else each for each in called]
    return inner(Call(put_in[0], (*put_in[1:], UNKNOWN)))


def judge_env(arguments: Sequence[Word], inner: Judge) -> Verdict:
    """The variables that it sets, and the program behind them."""
    words = list(arguments)
    variables: list[str] = []
    while words and (words[0].text.startswith("-") or "=" in words[0].text):
        word = words.pop(0)
        if word.text in {"-u", "--unset", "-i", "--ignore-environment", "-"}:
            if word.text in {"-u", "--unset"} and words:
                words.pop(0)
        elif word.text.startswith("-"):
            return Denied(
                f"`env {word.text}` can take a whole command line apart; call it directly"
            )
        else:
            variables.append(word.text.partition("=")[0])
    if not words:
        return inner(Call(Word(""), variables=tuple(variables)))
    return inner(Call(words[0], tuple(words[1:]), tuple(variables)))


def prefixed(*, valued: Collection[str] = (), skips: int = 0) -> Rule:
    """The rule of time, nice, timeout, …: options, so many arguments, then a program."""

    def judge(arguments: Sequence[Word], inner: Judge) -> Verdict:
        called = _behind_options(arguments, valued)[skips:]
        return inner(Call(called[0], tuple(called[1:]))) if called else None

    return judge


def shell(judge_line: Callable[[str], Verdict], is_ours: Callable[[str], bool]) -> Rule:
    """The rule of sh and bash: a line is judged, a script of the project may run."""

    def judge(arguments: Sequence[Word], _: Judge) -> Verdict:
        words = list(arguments)
        while words and words[0].text in {"-e", "-u", "-x", "-eu", "-ex", "-eux"}:
            words.pop(0)
        if not words:
            return Denied("a shell without arguments reads commands that nobody has seen")
        first = words[0]
        if first.text in {"-c", "-ec", "-lc", "-euc"}:
            if len(words) < 2 or not words[1].is_literal:  # noqa: PLR2004 - -c and its value
                return Denied("what `sh -c` runs has to be written out in one quoted text")
            return judge_line(words[1].text)
        is_name = "/" not in first.text and not first.text.startswith("-")
        if first.is_literal and (is_name or is_ours(first.text)):
            return None
        return Denied("a shell runs a script of the project by its relative path, or -c 'a line'")

    return judge


def judge_tar(arguments: Sequence[Word], _: Judge) -> Verdict:
    """Archives, without the options that run programs."""
    if (option := forbidden_option(arguments, TAR_RUNS)) is not None:
        return Denied(f"`tar {option}` runs programs")
    if arguments and set(arguments[0].text) & {"I", "F"} and "/" not in arguments[0].text:
        return Denied("that letter of tar's options runs programs")
    if any(not word.is_literal and not word.text for word in arguments):
        return Denied("the arguments of tar have to be written out")
    return None


def judge_sort(arguments: Sequence[Word], _: Judge) -> Verdict:
    """Sorting, without a compressor of one's own."""
    if forbidden_option(arguments, ("--compress-program",)) is not None:
        return Denied("`sort --compress-program` runs programs")
    return None


def judge_awk(arguments: Sequence[Word], _: Judge) -> Verdict:
    """Programs in awk's language that start no others."""
    words = positional(arguments, valued=("-F", "-v"))
    if any(word.text in {"-f", "--file"} or word.text.startswith("-E") for word in arguments):
        return None  # a script of the project, as with node
    program = words[0] if words else UNKNOWN
    if not program.is_literal or "system" in program.text or "|" in program.text:
        return Denied("awk programs may not use system() or pipes here; use node or python")
    return None


def judge_sed(arguments: Sequence[Word], _: Judge) -> Verdict:
    """Editing, written out."""
    words = positional(arguments, valued=("-e", "--expression", "-f", "--file"))
    scripts = [after for word, after in pairwise(arguments) if word.text in {"-e", "--expression"}]
    scripts = scripts or words[:1]
    if any(not script.text for script in scripts):
        return Denied("the script of sed has to be written out")
    return None


def _behind_options(arguments: Sequence[Word], valued: Collection[str]) -> list[Word]:
    words = list(arguments)
    while words and words[0].text.startswith("-"):
        option = words.pop(0)
        if option.text == "--":
            break
        if option.text in valued and words:
            words.pop(0)
    return words
