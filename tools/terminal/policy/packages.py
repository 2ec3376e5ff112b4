"""npm, npx, pnpm, yarn and bun: the project's scripts and packages, not the machine's settings."""

from collections.abc import Sequence
from itertools import takewhile

from tools.terminal.policy.options import (
    forbidden_option,
    positional,
    unclear,
    until_end_of_options,
)
from tools.terminal.policy.verdict import Ask, Call, Denied, Judge, Rule, Verdict, Word, names

FREE = names(
    "run run-script rum urn test tst t start stop restart build dev lint ci install i add in ins "
    "inst isntall install-test it remove rm un uninstall unlink update up upgrade dedupe prune ls "
    "list ll la outdated why explain root bin pack init create-lockfile version view info show "
    "search audit fund help rebuild rb shrinkwrap query workspaces workspace node pm "
    "import fetch licenses check"
)
RUNS_PACKAGE = frozenset({"exec", "x", "dlx"})
ASKS = names("create innovate link ln publish unpublish deprecate dist-tag owner star")
OPTIONS = (
    *("--script-shell", "--userconfig", "--globalconfig", "--global", "--node-options", "--prefix"),
    *(
        "--registry",
        "--git",
        "--shell",
        "--cwd",
        "--dir",
        "--location",
        "--init-module",
        "--python",
    ),
    *("--use-node-version", "--node-gyp", "--call", "--eval", "--preload", "--config"),
)
EXACT = frozenset({"-g", "-C", "-c", "-r"})
SETTINGS = names("config set login logout token adduser")
BUN_FILES = (".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".mts")


def packages(program: str) -> Rule:
    """The rule of a package manager."""

    def judge(arguments: Sequence[Word], inner: Judge) -> Verdict:
        if (option := _option(program, arguments)) is not None:
            return Denied(f"`{program} {option}` changes what runs, or where")
        if (verdict := unclear(arguments)) is not None:
            return verdict
        words = positional(arguments, valued=("--workspace", "-w", "--filter", "-F"))
        return _command(program, words, inner) if words else None  # install, or its help

    return judge


def _command(program: str, words: Sequence[Word], inner: Judge) -> Verdict:
    name, rest = words[0].text, words[1:]
    verdict: Verdict = None
    if name in RUNS_PACKAGE:
        verdict = _package(rest, inner)
    elif name == "init" and (rest or program == "bun"):
        verdict = Ask(f"`{program} init` with a package runs code that is not installed")
    elif name in ASKS:
        verdict = Ask(f"`{program} {name}` reaches beyond this project")
    elif name == "config" and rest and rest[0].text in {"get", "list", "ls"}:
        verdict = None
    elif name in SETTINGS or (program == "npm" and name not in FREE):
        verdict = Denied(f"`{program} {name}` is not one of the commands that may run here")
    elif name not in FREE and not name.endswith(BUN_FILES):
        verdict = inner(Call(words[0], tuple(rest)))  # yarn, pnpm and bun run what is installed
    return verdict


def judge_npx(arguments: Sequence[Word], inner: Judge) -> Verdict:
    """npx, and bunx: only what the project has installed."""
    for word in arguments:
        if not word.text.startswith("-"):
            break
        if word.text not in {"--no-install", "--no", "--offline", "--quiet", "-q"}:
            return Denied(f"`npx {word.text}` can install packages or run a shell")
    words = positional(arguments)
    return _package(arguments[arguments.index(words[0]) :], inner) if words else None


def _package(words: Sequence[Word], inner: Judge) -> Verdict:
    """What `npm exec` and its like would run: it is installed, or it is not run."""
    if not words:
        return None
    name = words[0]
    if not name.is_literal or "@" in name.text[1:] or ":" in name.text or "/" in name.text[1:]:
        return Denied("only installed packages run, by the name of their command without a version")
    return inner(Call(name, tuple(words[1:])))


def _option(program: str, arguments: Sequence[Word]) -> str | None:
    """An option of the package manager itself: npm also finds its own behind a script's name."""
    own = list(until_end_of_options(arguments))
    if program != "npm":
        own = list(takewhile(lambda word: word.text.startswith("-"), own))
    found = forbidden_option(own, OPTIONS)
    return found or next((word.text for word in own if word.text in EXACT), None)
