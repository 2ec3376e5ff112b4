"""What a person has consented to, for one call of a tool that runs commands."""

from dataclasses import dataclass

from tools.place import Place


@dataclass(frozen=True)
class Consents:
    """The calls of programs that a person lets run in one command line, by their texts."""

    commands: frozenset[str] = frozenset()


def consents_of(place: Place) -> Consents:
    """Those of the call that works in this place; none, where nobody is asked."""
    try:
        return place.need(Consents)
    except LookupError:
        return Consents()
