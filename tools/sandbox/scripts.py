"""What runs before the program does: a few lines of POSIX shell."""

from pathlib import Path

from tools.sandbox.port import KEEPERS, Bounds

SHELL = "/bin/sh"

JOIN = 'echo $$ > "$0" || exit 125; '
WAIT = "read -r go || exit 125; exec < /dev/null; "
ON_TERMINAL = 'read -r go || exit 125; exec 0<> "$1" 1>&0 2>&0; shift; '
"""It leads its session, so the terminal that it opens controls it."""
RUN = 'exec "$@"'


def joining(members: Path, argv: tuple[str, ...]) -> tuple[str, ...]:
    """The command line that joins a group of tasks, then runs `argv`."""
    return (SHELL, "-c", JOIN + RUN, str(members), *argv)


def waiting(
    members: Path | None, argv: tuple[str, ...], terminal: Path | None = None
) -> tuple[str, ...]:
    """The command line that joins it, and runs `argv` once a line comes on its standard input.

    With a terminal, the program reads and writes there.
    """
    joined = JOIN if members is not None else ""
    name = str(members or "sh")
    if terminal is None:
        return (SHELL, "-c", joined + WAIT + RUN, name, *argv)
    return (SHELL, "-c", joined + ON_TERMINAL + RUN, name, str(terminal), *argv)


LEFT = "left behind: "
"""Before the name of a process that outlived the program."""

_MERGED = f"""
"$@" 2>&1
code=$?
for process in /proc/[0-9]*; do
    case $process in
    /proc/1 | /proc/$$) ;;
    *) read -r name < "$process/comm" && echo "{LEFT}$name" >&2 ;;
    esac
done
exit $code"""


def limited(bounds: Bounds, argv: tuple[str, ...], *, merged: bool) -> tuple[str, ...]:
    """The command line that sets the limits of this process and all below it, then runs `argv`.

    dash has another letter than bash for the number of processes.
    """
    limits = (
        f"ulimit -c 0; ulimit -t {bounds.cpu_s}; ulimit -n {bounds.open_files}; "
        f"ulimit -f {bounds.file_bytes // 512}; ulimit -d {bounds.memory_bytes // 1024}; "
        f"ulimit -u {bounds.tasks + KEEPERS} 2>/dev/null || ulimit -p {bounds.tasks + KEEPERS}"
    )
    script = limits + (_MERGED if merged else '\nexec "$@"')
    return (SHELL, "-c", script, "sh", *argv)
