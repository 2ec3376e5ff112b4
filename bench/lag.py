"""How late streamed text is in Convex when many answers are live in one process."""

import asyncio
import secrets
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import monotonic
from typing import Any

from app.convex import CONVEX_FUNCTIONS
from bench.figures import percentile, say, say_rounds
from core.ids import OwnerId, ProjectId, RunId
from embedded_convex.process import EmbeddedConvex
from store.client import ConvexHttp
from store.delta_writer import DeltaWriter
from store.deltas import DeltaBatcher, DeltaLimits
from store.gateway import Store
from store.records import Lease

ANSWERS = 200
ROUNDS = 3
CHUNK_CHARS = 24
CHUNK_EVERY_S = 0.1  # 240 characters/s for each answer, about 60 tokens/s
CHUNKS = 60  # of each answer in a round
OWNER = OwnerId("bench")


@dataclass
class Handed:
    """Chunks of one answer on their way: when each was handed over, and up to which character."""

    waiting: deque[tuple[float, int]] = field(default_factory=deque[tuple[float, int]])
    handed_chars: int = 0
    kept_chars: int = 0


class Watched(ConvexHttp):
    """The store's client, noting when Convex has acknowledged which text."""

    def __init__(self, url: str, *, internal_key: str) -> None:
        super().__init__(url, internal_key=internal_key)
        self.answers: dict[str, Handed] = {}
        self.lags_ms: list[float] = []
        self.requests = 0

    async def mutation(
        self, path: str, args: Mapping[str, Any], *, deadline_s: float | None = None
    ) -> Any:
        """As the client; deltas are looked at once they are acknowledged."""
        value = await super().mutation(path, args, deadline_s=deadline_s)
        if path == "system/streaming:append":
            now = monotonic()
            self.requests += 1
            for entry in args["batch"]:
                self._kept(self.answers[entry["m"]], len(entry["t"]), now)
        return value

    def _kept(self, answer: Handed, chars: int, now: float) -> None:
        answer.kept_chars += chars
        while answer.waiting and answer.waiting[0][1] <= answer.kept_chars:
            handed_at, _ = answer.waiting.popleft()
            self.lags_ms.append((now - handed_at) * 1000)


async def concurrent_lag(folder: Path) -> float:
    """The 95th percentile of handing a chunk to the batcher → Convex has acknowledged it."""
    say(
        f"{ANSWERS} live answers in one process, {CHUNK_CHARS} characters every "
        f"{CHUNK_EVERY_S * 1000:.0f} ms each, {CHUNKS} times; each chunk from the delta batcher "
        f"(default limits) to the acknowledged mutation of the embedded Convex"
    )
    key = secrets.token_hex(32)
    async with (
        EmbeddedConvex(
            CONVEX_FUNCTIONS,
            folder / "convex.sqlite",
            admin_key="",
            env={"POLARIS_CONVEX_INTERNAL_KEY": key},
        ) as convex,
        Store(convex.url, internal_key=key) as store,
    ):
        project = await store.projects.create(owner=OWNER, name="lag")
        rounds = [
            await _round(convex.url, key, store, project.project_id, r) for r in range(ROUNDS)
        ]
    return say_rounds("p95", rounds, "ms")


async def _round(url: str, key: str, store: Store, project_id: ProjectId, number: int) -> float:
    async with Watched(url, internal_key=key) as http, DeltaBatcher(http, DeltaLimits()) as batcher:
        leases = await asyncio.gather(
            *(_lease(store, project_id, f"round {number}, answer {n}") for n in range(ANSWERS))
        )
        http.answers = {lease.message_id: Handed() for lease in leases}
        started = monotonic()
        async with asyncio.TaskGroup() as speakers:
            for n, lease in enumerate(leases):
                writer = batcher.open(lease)
                begins_at = started + n / ANSWERS * CHUNK_EVERY_S  # nobody speaks in step
                speakers.create_task(_speak(writer, http.answers[lease.message_id], begins_at))
        took_s = monotonic() - started
        await asyncio.gather(*(_close(store, lease) for lease in leases))
    chunks, middle = len(http.lags_ms), median(http.lags_ms)
    say(
        f"  round {number}: {chunks:,} chunks in {http.requests} requests and {took_s:.1f} s; "
        f"lag p50 {middle:.0f} ms, longest {max(http.lags_ms):.0f} ms"
    )
    if chunks != ANSWERS * CHUNKS:
        raise AssertionError(f"{ANSWERS * CHUNKS - chunks} chunks are not in Convex")
    return percentile(http.lags_ms, 95)


async def _lease(store: Store, project_id: ProjectId, name: str) -> Lease:
    conversation = await store.conversations.create(project_id, owner=OWNER, title=name)
    sent = await store.messages.send(
        conversation.conversation_id, owner=OWNER, content=name, policy="cancel"
    )
    return await store.generations.begin(sent.message_id, run_id=RunId(name))


async def _close(store: Store, lease: Lease) -> None:
    await store.generations.fail(lease.message_id, error="The round is over.", error_code="bench")


async def _speak(writer: DeltaWriter, answer: Handed, begins_at: float) -> None:
    """Hand over chunk after chunk as a model would; a late loop does not slow the model down."""
    for n in range(CHUNKS):
        await asyncio.sleep(max(0.0, begins_at + n * CHUNK_EVERY_S - monotonic()))
        answer.handed_chars += CHUNK_CHARS
        answer.waiting.append((monotonic(), answer.handed_chars))
        await writer.text(0, "x" * CHUNK_CHARS)
    await writer.flush()
