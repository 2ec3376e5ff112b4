"""Who a commit is of: its author, its committer, and whom its message names beside them."""

import re
from dataclasses import dataclass

from core.people import POLARIS

_CO_AUTHOR = re.compile(r"^co-authored-by:", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class Signature:
    """Each is `Name <mail>`; `""` means as the server's settings say."""

    author: str = ""
    committer: str = ""
    co_authors: tuple[str, ...] = ()

    def over(self, settings: "Signature") -> "Signature":
        """What is given here, and the rest from the settings."""
        return Signature(
            self.author or settings.author,
            self.committer or settings.committer,
            self.co_authors or settings.co_authors,
        )

    def message(self, text: str) -> str:
        """The message with a trailer for each co-author; one that names some itself stays."""
        text = text.rstrip()
        if not self.co_authors or _CO_AUTHOR.search(text):
            return text
        trailers = "\n".join(f"Co-authored-by: {each}" for each in self.co_authors)
        return f"{text}\n\n{trailers}"


OURS = Signature(POLARIS, POLARIS)
"""What a server that sets nothing signs with."""
