"""Whether a turn announces a step instead of taking it: "Let me read the file:", and no call."""

import re

_OPENING = r"(?:(?:ok|okay|alright|great|good|sure|now|next|first|then|so|and)[,!.:]?\s+)*"
_WILL = r"(?:let me|let us|let's|i'll|i will|i am going to|i'm going to|i need to|now i)"
_ALSO = r"(?:\s+(?:now|first|then|next|also|quickly|go ahead and|start by|begin by|continue by))*"
_ACTS = (
    r"(?:read|look|check|open|creat|writ|edit|updat|chang|fix|add|run|search|find|list|examin"
    r"|inspect|start|begin|continu|implement|mak|renam|delet|remov|install|test|view|see|explor"
    r"|appl|modif|refactor|verif|proceed|tak|set up|move|replac)\w*"
)
_ANNOUNCEMENT = re.compile(rf"^{_OPENING}{_WILL}{_ALSO}\s+{_ACTS}\b", re.IGNORECASE)
_CONDITION = re.compile(
    r"\b(?:if|once|when|after|as soon as|unless|until|whenever)\b", re.IGNORECASE
)
_SENTENCE_ENDS = re.compile(r"(?<=[.!?…])\s+|\n+")
_MAX_CHARS = 400  # of a sentence that announces; a longer one explains


def announces(text: str) -> bool:
    """Whether the last sentence says what the model is about to do.

    An offer ("let me know"), a question and a condition ("I'll fix it once you confirm") are none.
    """
    sentences = [part for part in _SENTENCE_ENDS.split(_plain(text)) if part.strip()]
    if not sentences:
        return False
    last = sentences[-1].strip().lstrip("*_#>- ")
    if last.endswith("?") or len(last) > _MAX_CHARS or _CONDITION.search(last):
        return False
    return bool(_ANNOUNCEMENT.match(last))


def _plain(text: str) -> str:
    return text.strip().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
