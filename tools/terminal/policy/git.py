"""git: what changes the project's files and history, not what runs programs or leaves the place."""

from collections.abc import Sequence

from tools.terminal.policy.options import forbidden_option, unclear
from tools.terminal.policy.verdict import Ask, Denied, Judge, Verdict, Word, names

LOCAL = names(
    "add am annotate apply archive blame branch cat-file check-ignore check-attr checkout cherry "
    "cherry-pick clean commit config count-objects describe diff diff-tree diff-index diff-files "
    "for-each-ref format-patch fsck grep help init log ls-files ls-tree merge merge-base mv notes "
    "range-diff rebase reflog remote reset restore rev-list rev-parse revert rm shortlog show "
    "show-ref stash status switch symbolic-ref tag var version whatchanged worktree"
)
DISTANT = names("clone fetch pull push ls-remote submodule")
GLOBAL = frozenset({"--no-pager", "--version", "--help", "--no-optional-locks", "-P", "-v", "-h"})
RUNS_PROGRAMS = (
    *("--upload-pack", "--receive-pack", "--exec", "--ext-diff", "--open-files-in-pager"),
    *("--template", "--separate-git-dir", "--remote", "--config-env"),
)
READS_CONFIG = frozenset({"--get", "--get-all", "--get-regexp", "--list", "-l", "get", "list"})
READS_REMOTE = frozenset({"-v", "--verbose", "show", "get-url"})
FREE_TEXT = ("-m", "--message", "-F", "--file", "--author", "--date", "--grep", "-S", "-G", "--")


def judge_git(arguments: Sequence[Word], _: Judge) -> Verdict:
    """See `Rule`."""
    rest = list(arguments)
    while rest and rest[0].is_literal and rest[0].text in GLOBAL:
        rest.pop(0)
    if not rest:
        return None
    command = rest.pop(0)
    if not command.is_literal or command.text.startswith("-"):
        return Denied(
            "git is called without options before its command: -c, -C, --git-dir, --exec-path "
            "and the like could change what it runs"
        )
    name = command.text
    if name in DISTANT:
        return Ask(f"`git {name}` leaves this project; importing and exporting are for the user")
    if name not in LOCAL:
        return Denied(f"`git {name}` is not one of the git commands that may run here")
    if (option := forbidden_option(rest, RUNS_PROGRAMS)) is not None:
        return Denied(f"`git {name} {option}` can run programs")
    return unclear(rest, free_after=FREE_TEXT) or _particular(name, rest)


def _particular(name: str, rest: Sequence[Word]) -> Verdict:
    words = {word.text for word in rest}
    verdict: Verdict = None
    if name == "config" and not words & READS_CONFIG:
        verdict = Denied("git's configuration is read-only here: it can name programs to run")
    elif name == "remote" and rest and rest[0].text not in READS_REMOTE:
        verdict = Denied("git's configuration is read-only here, and with it the remotes")
    elif name == "rebase" and forbidden_option(rest, ("-x", "-i", "--interactive")):
        verdict = Denied("`git rebase` with -i or -x would open an editor or run programs")
    elif name == "grep" and forbidden_option(rest, ("-O",)):
        verdict = Denied("`git grep -O` opens a pager")
    elif name == "reset" and "--hard" in words:
        verdict = Ask("`git reset --hard` throws away changes that are not committed")
    elif name == "clean" and not words & {"-n", "--dry-run"}:
        verdict = Ask("`git clean` deletes files that nothing else has")
    elif name == "worktree" and rest and rest[0].text != "list":
        verdict = Denied("work trees would lie outside of the project")
    return verdict
