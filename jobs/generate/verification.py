"""The evidence: a copy of the project is installed, checked, built and tested in the sandbox."""

import asyncio
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from core.ids import ProjectGenerationId
from core.text import printed_text
from jobs.files.folder import ProjectFolder
from jobs.generate.checks import MANIFESTS, Checks, Planned, checks_of
from jobs.generate.plan import VERIFY
from store.gateway import Store
from store.records import Check, Verification
from tools.sandbox.port import Bounds, Confined, NoSandbox
from tools.sandbox.registries import ALL, Registries
from tools.sandbox.running import Ending, Limits, Receipt
from tools.sandbox.sandbox import Sandbox
from tools.workspace.ignored import GENERATED_LINES
from tools.workspace.port import NoSuchFile, RelPath

COMMAND_S = 600.0
KEPT_CHARS = 4_000  # of what a command printed: its end, where errors stand

NOTHING_TO_RUN = "The project has nothing that can be installed, type-checked, built or tested."
NO_REGISTRY = (
    "The project's packages cannot be installed: this server allows no package registry "
    "(POLARIS_PACKAGE_REGISTRIES)."
)
NO_REGISTRY_OF_PROJECT = (
    "The project's packages cannot be installed: its settings allow none of the package registries "
    "that this server reaches."
)

_LEFT_OUT = shutil.ignore_patterns(".git", *(line.rstrip("/") for line in GENERATED_LINES))


@dataclass(frozen=True)
class Round:
    """What one round of checks came to.

    With `failure`, in words for the agent, something is wrong with the project; with `hindrance`,
    in words for people, it could not be found out here.
    """

    checks: tuple[Check, ...] = ()
    failure: str = ""
    hindrance: str = ""


def outcome_of(found: Round, repairs: int) -> Verification:
    """The round as it is kept with the generation."""
    if found.failure:
        reason = found.failure.splitlines()[0]
        return Verification("failed", reason, repairs, found.checks)
    if found.hindrance:
        return Verification("notVerified", found.hindrance, repairs, found.checks)
    return Verification("verified", "", repairs, found.checks)


class Verifier:
    """Checks one project; each round starts from what the store has, and leaves nothing behind."""

    def __init__(
        self,
        store: Store,
        generation_id: ProjectGenerationId,
        folder: ProjectFolder,
        sandbox: Sandbox,
        registries: Registries = ALL,
    ) -> None:
        self._store = store
        self._id = generation_id
        self._folder = folder
        self._sandbox = sandbox
        self._registries = registries

    async def check(self, number: int) -> Round:
        """One round; `number` counts from 0.

        Raises:
            GenerationClosed: it was cancelled.
            NotFound: the project is gone.
        """
        await self._note(f"{VERIFY}-{number}", "step", f"Starting {VERIFY}")
        found = await self._checked(number)
        if found.failure:
            text = f"{VERIFY} failed: {found.failure.splitlines()[0]}"
            await self._note(f"{VERIFY}-{number}:failed", "error", text)
        else:
            text = found.hindrance or f"Completed {VERIFY}"
            kind = "info" if found.hindrance else "step"
            await self._note(f"{VERIFY}-{number}:end", kind, text)
        return found

    async def _checked(self, number: int) -> Round:
        try:
            parent = self._sandbox.scratch
        except NoSandbox:
            return Round(hindrance="Not verified: this machine offers no sandbox to run it in.")
        await self._folder.pull()
        copy = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="verify-", dir=parent))
        try:
            await asyncio.to_thread(_copy, self._folder.path, copy)
            return await self._run(await self._planned(), copy, number)
        finally:
            await asyncio.to_thread(shutil.rmtree, copy, ignore_errors=True)

    async def _planned(self) -> Checks:
        files = self._folder.workspace
        paths = [entry.path for entry in await files.walk()]
        manifests: dict[str, bytes] = {}
        for name in MANIFESTS:
            try:
                manifests[name] = await files.read(RelPath(name))
            except NoSuchFile:
                continue
        return checks_of(paths, manifests)

    async def _run(self, checks: Checks, copy: Path, number: int) -> Round:
        if checks.trouble:
            return Round(failure=checks.trouble)
        if not checks.planned:
            return Round(hindrance=NOTHING_TO_RUN)
        done: list[Check] = []
        for index, planned in enumerate(checks.planned):
            if planned.installs and not self._sandbox.reaches(self._registries):
                return Round(tuple(done), hindrance=self._no_registry)
            check, trouble = await self._command(planned, copy)
            done.append(check)
            how = trouble or f"exit code {check.exit_code}"
            line = f"{check.command}: {how} after {check.took_s:.1f} s"
            await self._note(f"{VERIFY}-{number}:{index}", "info", line)
            if trouble or check.exit_code != 0:
                failure = f"`{check.command}` ended with {how}. The last of its output:"
                return Round(tuple(done), failure=f"{failure}\n{check.output}")
        return Round(tuple(done))

    @property
    def _no_registry(self) -> str:
        return NO_REGISTRY_OF_PROJECT if self._sandbox.has_network else NO_REGISTRY

    async def _command(self, planned: Planned, copy: Path) -> tuple[Check, str]:
        confined = Confined(
            ("/bin/sh", "-c", planned.command),
            copy,
            network=planned.installs and self._sandbox.reaches(self._registries),
            registries=self._registries,
            bounds=Bounds(),
        )
        finished = await self._sandbox.run(confined, Limits(timeout_s=COMMAND_S))
        receipt = finished.receipt
        text = await asyncio.to_thread(printed_text, finished.output)
        check = Check(
            command=planned.command,
            took_s=round(receipt.took_s, 3),
            output=text[-KEPT_CHARS:],
            exit_code=receipt.code if receipt.ending is Ending.EXITED else None,
        )
        return check, _trouble(receipt)

    async def _note(self, key: str, kind: str, message: str) -> None:
        await self._store.generating.note(
            self._id,
            key=key,
            type="error" if kind == "error" else "step" if kind == "step" else "info",
            message=message,
            step=VERIFY,
        )


def _trouble(receipt: Receipt) -> str:
    """Why it did not end by itself; empty where it did."""
    match receipt.ending:
        case Ending.EXITED:
            return ""
        case Ending.TIMEOUT:
            return f"its end by us, as it took more than {COMMAND_S:g} s"
        case other:
            return f"its end by us ({other.value})"


def _copy(folder: Path, copy: Path) -> None:
    shutil.copytree(folder, copy, symlinks=True, ignore=_LEFT_OUT, dirs_exist_ok=True)
