"""What runs inside before the program does: a few lines of POSIX shell that set limits."""

from tools.sandbox.port import Bounds

SHELL = "/bin/sh"

_LEFTOVERS = """
"$@" 3>&-
code=$?
for process in /proc/[0-9]*; do
    case $process in /proc/1 | /proc/$$) ;; *) cat "$process/comm" >&3 2>/dev/null ;; esac
done
exit $code"""


def limited(bounds: Bounds, argv: tuple[str, ...], *, leftovers: bool) -> tuple[str, ...]:
    """The command line that sets the limits of this process and all below it, then runs `argv`.

    dash has another letter than bash for the number of processes.
    """
    limits = (
        f"ulimit -c 0; ulimit -t {bounds.cpu_s}; ulimit -n {bounds.open_files}; "
        f"ulimit -f {bounds.file_bytes // 512}; ulimit -d {bounds.memory_bytes // 1024}; "
        f"ulimit -u {bounds.processes} 2>/dev/null || ulimit -p {bounds.processes}"
    )
    script = limits + (_LEFTOVERS if leftovers else '\nexec "$@"')
    return (SHELL, "-c", script, "sh", *argv)
