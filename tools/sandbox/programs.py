"""Which programs of this machine are seen inside, under which names, and in what environment."""

import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.node import NODE, NPM_CLI, NPX_CLI

SYSTEM = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "nix")
"""What of `/` holds programs and libraries."""

ETC = (
    "alternatives",
    "ca-certificates",
    "ca-certificates.conf",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "mime.types",
    "ssl/certs",
    "ssl/openssl.cnf",
    "pki/ca-trust",
    "pki/tls/certs",
)
"""What of `/etc` programs need; none of it is particular to this host."""

_NODE_MODULES = Path(__file__).parents[2] / "node_modules"
_COMPILER = _NODE_MODULES / "typescript"
_PYTHON = Path(sys.base_prefix).resolve()
_NODE_HOME = NODE.parents[1]

NO_RETRIES = {"NPM_CONFIG_FETCH_RETRIES": "0", "PIP_RETRIES": "0"}
"""What is not reached at once is not reached: npm would try for two minutes."""

IDENTITY = {
    "passwd": "root:x:0:0::/root:/bin/sh\npolaris:x:1000:1000::/tmp/home:/bin/sh\n",
    "group": "root:x:0:\npolaris:x:1000:\n",
    "hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    "gitconfig": (
        "[user]\n\tname = Polaris\n\temail = agent@polaris.invalid\n"
        "[init]\n\tdefaultBranch = main\n[safe]\n\tdirectory = *\n"
        "[core]\n\tfsmonitor = false\n\tpager = cat\n[commit]\n\tgpgSign = false\n"
        "[gc]\n\tauto = 0\n[advice]\n\tdetachedHead = false\n"
    ),
}
"""Files that stand in `/etc` inside, in place of this host's."""


@dataclass(frozen=True)
class Programs:
    """What a sandbox shows of programs: a folder with names of ours, and what those refer to.

    Args:
        names: a folder with node, npm, npx, python, pip and tsc.
        etc: a folder with `IDENTITY`.
    """

    names: Path
    etc: Path

    @property
    def read_only(self) -> Sequence[Path]:
        """Folders outside of the system's that the programs are in."""
        wanted = (_PYTHON, _NODE_HOME, _COMPILER, _NODE_MODULES / "@typescript")
        return [path for path in wanted if path.exists() and not path.is_relative_to("/usr")]


def lay_out(folder: Path) -> Programs:
    """Write the programs' names and the files of `/etc` into an empty folder."""
    programs = Programs(folder / "bin", folder / "etc")
    for made in (programs.names, programs.etc):
        made.mkdir()
    for name, text in IDENTITY.items():
        (programs.etc / name).write_text(text)
    python = _PYTHON / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    links = {"node": NODE, "python": python, "python3": python}
    for name, target in links.items():
        (programs.names / name).symlink_to(target)
    scripts: dict[str, Sequence[Path | str]] = {
        "npm": (NODE, NPM_CLI),
        "npx": (NODE, NPX_CLI, "--no-install"),
        "pip": (python, "-m", "pip"),
    }
    if _COMPILER.exists():
        scripts["tsc"] = (NODE, _COMPILER / "bin" / "tsc")
    for name, command in scripts.items():
        path = programs.names / name
        path.write_text(f'#!/bin/sh\nexec {shlex.join(map(str, command))} "$@"\n')
        path.chmod(0o755)
    return programs


def environment(folder: Path, *, names: Path, home: Path, temporary: Path) -> Mapping[str, str]:
    """All of the environment inside: nothing of the host's.

    What a project has installed comes first. Nothing asks questions, opens a pager or an editor.
    """
    own = (folder / "node_modules/.bin", folder / ".venv/bin", names)
    path = (*map(str, own), "/usr/local/bin", "/usr/bin", "/bin")
    return {
        "PATH": ":".join(path),
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "USER": "polaris",
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "CI": "1",
        "NO_COLOR": "1",
        "PAGER": "cat",
        "EDITOR": "false",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_PAGER": "cat",
        "GIT_EDITOR": "false",
        "PIP_NO_INPUT": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PYTHONUNBUFFERED": "1",
        "NPM_CONFIG_UPDATE_NOTIFIER": "false",
        "NPM_CONFIG_FUND": "false",
        "NPM_CONFIG_AUDIT": "false",
        **NO_RETRIES,
    }
