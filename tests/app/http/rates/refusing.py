"""Buckets that nobody may ask."""


class Refusing:
    """In the place of buckets that a test does not expect to be asked."""

    async def take(self, key: str, *, size: int, every_s: float) -> float:
        raise AssertionError(f"asked for {key} ({size}, {every_s})")
