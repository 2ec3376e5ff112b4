"""Whether a command line may run: each program in it is judged by itself."""

import re
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, replace

from core.errors import Refused
from tools.terminal.policy.git import judge_git
from tools.terminal.policy.options import forbidden_option, positional
from tools.terminal.policy.packages import judge_npx, packages
from tools.terminal.policy.parse import Unreadable, calls_of
from tools.terminal.policy.verdict import Ask, Call, Denied, Judge, Rule, Verdict, Word, names
from tools.terminal.policy.wrappers import (
    judge_awk,
    judge_env,
    judge_find,
    judge_sed,
    judge_sort,
    judge_tar,
    judge_xargs,
    prefixed,
    shell,
)

PLAIN = names(
    # what the shell itself has
    ": [ cd echo exit false printf pwd read return shift test true type wait break continue "
    # files and texts
    "base64 basename cat cksum cmp column comm cp csplit cut date df diff dirname du egrep expand "
    "expr fgrep file fold fmt grep head hexdump join jq less ls ln mkdir mktemp more mv nl od "
    "paste patch printenv ps readlink realpath rg rmdir seq sha1sum sha256sum md5sum shuf sleep "
    "split stat strings tac tail tee touch tr tree truncate tsort uname unexpand uniq unzip wc "
    "which whoami xxd yes zcat zip gzip gunzip chmod id uptime hostname "
    # tools of the trade: they run the project's own code, as node does
    "node python python3 pip pip3 uv poetry deno tsc tsx ts-node eslint prettier biome oxlint "
    "vitest jest mocha playwright vite next webpack rollup esbuild turbo pytest ruff black mypy "
    "pyright basedpyright ty tox coverage make cmake cargo rustc rustfmt go gofmt gcc g++ cc clang "
    "java javac mvn gradle ruby bundle rake php composer dotnet sqlite3 psql protoc"
)
"""Programs whose arguments do no harm that the sandbox does not hold."""

NEVER = {
    **dict.fromkeys(("sudo", "su", "doas", "pkexec"), "nobody has more rights in the sandbox"),
    **dict.fromkeys(
        ("curl", "wget", "ssh", "scp", "sftp", "rsync", "nc", "ncat", "socat", "telnet", "ftp"),
        "the sandbox has no network",
    ),
    **dict.fromkeys(
        ("eval", "source", ".", "exec", "command", "builtin", "trap", "alias", "enable", "hash"),
        "it runs, or changes, what was not written on this line",
    ),
    **dict.fromkeys(
        ("mount", "umount", "chroot", "unshare", "nsenter", "bwrap", "setpriv", "ptrace", "gdb"),
        "it reaches for the system below the sandbox",
    ),
    **dict.fromkeys(
        ("vi", "vim", "nano", "emacs", "top", "htop", "man", "screen", "tmux"),
        "it needs a terminal and a person; use the file tools",
    ),
    **dict.fromkeys(("kill", "pkill", "killall"), "use stopProcess for what startProcess started"),
}

VARIABLE = re.compile(
    r"(LD_.*|DYLD_.*|GIT_.*|NPM_CONFIG_.*|YARN_.*|PNPM_.*|BUN_.*|COREPACK_.*|NODE_OPTIONS|NODE_PATH"
    r"|NODE_EXTRA_CA_CERTS|PYTHON(STARTUP|PATH|HOME|INSPECT)|PERL5?(OPT|LIB|DB)|RUBYOPT|RUBYLIB"
    r"|JAVA_TOOL_OPTIONS|BASH_.*|BASHOPTS|SHELLOPTS|ENV|IFS|PATH|PS4|PROMPT_COMMAND|CDPATH|HOME"
    r"|PAGER|EDITOR|VISUAL|BROWSER|SHELL|TMPDIR|.*_PROXY|NO_PROXY|XDG_.*|GCONV_PATH|LESSOPEN"
    r"|LESSCLOSE|MAKEFLAGS|RUSTC_WRAPPER|GOFLAGS|CC|CXX)",
    re.IGNORECASE,
)
"""Variables by which a program is made to load or run something else."""

NO_PROGRAM = Word("")
"""Only variables are set."""

DECLARES = frozenset({"export", "local", "readonly", "declare", "typeset"})
SET_OPTIONS = re.compile(r"[-+][euxo]+|pipefail|errexit|nounset|xtrace")
MAX_DEPTH = 5
MAX_NAME_CHARS = 60


def judge_set(arguments: Sequence[Word], _: Judge) -> Verdict:
    """Options of the shell that make it stricter."""
    if all(word.is_literal and SET_OPTIONS.fullmatch(word.text) for word in arguments):
        return None
    return Denied("only -e, -u, -x and -o pipefail may be set")


def judge_declaration(arguments: Sequence[Word], _: Judge) -> Verdict:
    """Variables are judged by their names; a name that is put together cannot be."""
    if all(word.is_literal and word.text.startswith("-") for word in arguments):
        return None
    return Denied("the name of a variable is put together at run time; write it out")


def judge_rm(arguments: Sequence[Word], _: Judge) -> Verdict:
    """Deleting, but not everything at once."""
    words = positional(arguments)
    if forbidden_option(arguments, ("--recursive", "-r", "-R")) is None:
        return None
    for word in words:
        if word.text.rstrip("/") in {"", ".", "..", "./*", "*", ".git", "./.git"}:
            return Ask("it would delete the whole project, or what cannot be told before it runs")
    return None


_ONE_NUMBER = prefixed(valued=("-k", "-s", "--signal", "--kill-after"), skips=1)
RULES: dict[str, Rule] = {
    "git": judge_git,
    **{name: packages(name) for name in ("npm", "pnpm", "yarn", "bun")},
    **dict.fromkeys(("npx", "bunx", "pnpx"), judge_npx),
    "find": judge_find,
    "xargs": judge_xargs,
    "env": judge_env,
    "tar": judge_tar,
    "sort": judge_sort,
    **dict.fromkeys(("awk", "gawk", "mawk", "nawk"), judge_awk),
    "sed": judge_sed,
    "rm": judge_rm,
    "set": judge_set,
    **dict.fromkeys(DECLARES, judge_declaration),
    "timeout": _ONE_NUMBER,
    "nice": prefixed(valued=("-n", "--adjustment")),
    "time": prefixed(),
    **dict.fromkeys(("nohup", "setsid", "stdbuf"), prefixed(valued=("-o", "-e", "-i"))),
}
"""What holds for the arguments of those that are not plain."""


class Blocked(Refused):
    """The command line may not run; the text says which part, and why."""

    code = "command_blocked"


@dataclass(frozen=True)
class Policy:
    """What may run in a project.

    Args:
        has_installed: whether the project has installed a program of that name.
    """

    has_installed: Callable[[str], bool]

    def check(self, line: str, consented: Container[str] = ()) -> frozenset[str]:
        """The programs that the line runs; `consented`: the calls that a person lets run.

        Raises: Blocked.
        """
        try:
            calls = calls_of(line)
        except Unreadable as unreadable:
            raise Blocked(f"Command blocked: {unreadable}. Nothing was run.") from None
        for call in calls:
            verdict = self._judge(call, 0)
            if isinstance(verdict, Ask) and call.text in consented:
                continue
            if verdict is not None:
                raise Blocked(_words(verdict))
        return frozenset(call.program.text for call in calls)

    def asked(self, line: str) -> Mapping[Call, Ask]:
        """The calls that need a person's consent; none where the line is refused in any case."""
        try:
            calls = calls_of(line)
        except Unreadable:
            return {}
        verdicts = {call: self._judge(call, 0) for call in calls}
        if any(isinstance(verdict, Denied) for verdict in verdicts.values()):
            return {}
        return {call: verdict for call, verdict in verdicts.items() if isinstance(verdict, Ask)}

    def _line(self, line: str, depth: int) -> Verdict:
        try:
            calls = calls_of(line)
        except Unreadable as unreadable:
            return Denied(str(unreadable))
        verdicts = (self._judge(call, depth) for call in calls)
        return next((verdict for verdict in verdicts if verdict is not None), None)

    def _judge(self, call: Call, depth: int) -> Verdict:
        verdict = self._call(call, depth)
        if verdict is None or verdict.program:
            return verdict
        return replace(verdict, program=call.program.text or "this")

    def _call(self, call: Call, depth: int) -> Verdict:
        if depth > MAX_DEPTH:
            return Denied("it is nested too deeply")
        for name in call.variables:
            if VARIABLE.fullmatch(name):
                return Denied(f"the variable {name} changes which programs run, or how")
        if call.program == NO_PROGRAM:
            return None
        if not call.program.is_literal:
            return Denied("the name of a program is put together at run time; write it out")
        return self._program(call, depth)

    def _program(self, call: Call, depth: int) -> Verdict:
        name = call.program.text
        rules: dict[str, Rule] = {
            **RULES,
            **dict.fromkeys(
                ("sh", "bash", "dash"),
                shell(lambda line: self._line(line, depth + 1), _is_of_the_project),
            ),
        }
        if name in rules:
            return rules[name](call.arguments, lambda inner: self._judge(inner, depth + 1))
        if name in NEVER:
            return Denied(NEVER[name])
        if name in PLAIN or _is_of_the_project(name):
            return None
        if "/" in name:
            return Denied("programs are called by name, and the project's by their relative path")
        if self.has_installed(name):
            return None
        return Ask("it is not on the list of programs that run without a person's consent")


def _words(verdict: Denied | Ask) -> str:
    name = verdict.program[:MAX_NAME_CHARS]
    if isinstance(verdict, Denied):
        return f"Command blocked: {name}: {verdict.reason}. Nothing was run."
    return (
        f"Command blocked: {name}: {verdict.reason}. It would need the user's consent, which "
        "cannot be asked for here. Nothing was run: reach the goal another way, or tell the user, "
        "who can allow it in the project's approvals."
    )


def _is_of_the_project(name: str) -> bool:
    """Whether it is a file by its relative path: the project's own code, as what node runs."""
    parts = name.split("/")
    return len(parts) > 1 and parts[0] not in {"", "~"} and ".." not in parts
