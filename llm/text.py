"""Text that providers cut in the middle of a character."""

from core.text import without_surrogates


class WholeCharacters:
    """Joins surrogate pairs that are split over two deltas.

    Some servers escape each half of a character outside the basic plane and send the halves apart.
    A half without its other half becomes U+FFFD: it cannot be written as UTF-8.
    """

    def __init__(self) -> None:
        self._held = ""

    def feed(self, delta: str) -> str:
        """The whole characters so far; a first half at the end waits for the next delta."""
        if not self._held and delta.isascii():
            return delta
        text = self._held + delta
        self._held = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" else ""
        return without_surrogates(text[: len(text) - len(self._held)])

    def rest(self) -> str:
        """What is left when no more deltas come."""
        rest, self._held = without_surrogates(self._held), ""
        return rest
