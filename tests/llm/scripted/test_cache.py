"""The model of prompt caching."""

from llm.scripted.cache import MIN_CHARS, PrefixCache

LONG = "x" * MIN_CHARS


def test_the_first_use_writes_and_the_second_reads() -> None:
    cache = PrefixCache()
    assert cache.use([LONG, "a"], [1], lookback=20) == (0, MIN_CHARS + 1)
    assert cache.use([LONG, "a", "b"], [2], lookback=20) == (MIN_CHARS + 1, 1)


def test_without_a_breakpoint_nothing_is_cached() -> None:
    cache = PrefixCache()
    cache.use([LONG], [0], lookback=20)
    assert cache.use([LONG], [], lookback=20) == (0, 0)


def test_a_prefix_further_back_than_the_lookback_is_not_found() -> None:
    cache = PrefixCache()
    cache.use([LONG], [0], lookback=20)
    wide = [LONG, *"abcdefghijklmnopqrstu"]
    assert cache.use(wide[:21], [20], lookback=20)[0] == MIN_CHARS
    cache = PrefixCache()
    cache.use([LONG], [0], lookback=20)
    assert cache.use(wide, [21], lookback=20)[0] == 0


def test_a_change_anywhere_before_the_breakpoint_misses() -> None:
    cache = PrefixCache()
    cache.use(["system", LONG], [1], lookback=20)
    assert cache.use(["System", LONG], [1], lookback=20)[0] == 0


def test_blocks_that_join_to_the_same_text_are_not_the_same_prefix() -> None:
    cache = PrefixCache()
    cache.use([LONG + "a", "b"], [1], lookback=0)
    assert cache.use([LONG, "ab"], [1], lookback=0)[0] == 0


def test_a_short_prefix_is_not_cached() -> None:
    cache = PrefixCache()
    assert cache.use(["short"], [0], lookback=20) == (0, 0)
    assert cache.use(["short"], [0], lookback=20) == (0, 0)
