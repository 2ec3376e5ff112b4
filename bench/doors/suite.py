"""`make bench SUITE=doors`: whatever talks to a Polaris backend, talking to this one."""

from bench.doors import clients, fronts, proxy, sse
from bench.parts import Parts, measure_parts

PARTS: Parts = {
    "clients": clients.measure,
    "fronts": fronts.measure,
    "proxy": proxy.overhead,
    "sse": sse.reading,
}


async def main(names: list[str]) -> None:
    """Measure the parts that are named, one after the other; all of them where none is."""
    await measure_parts(PARTS, names)
