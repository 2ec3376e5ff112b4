"""What docker/ holds, read without a Docker engine."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "docker" / "Dockerfile"
COMPOSE = ROOT / "docker" / "compose.yaml"


@dataclass(frozen=True)
class Instruction:
    word: str
    rest: str
    stage: int  # 0 is the first FROM

    @property
    def copied(self) -> tuple[list[str], str]:
        """Sources and target of a COPY without its flags."""
        *sources, target = [word for word in shlex.split(self.rest) if not word.startswith("--")]
        return sources, target

    @property
    def is_from_context(self) -> bool:
        return self.word == "COPY" and "--from=" not in self.rest


def instructions() -> list[Instruction]:
    text = re.sub(r"^#.*\n", "", DOCKERFILE.read_text(), flags=re.MULTILINE)
    stage = -1
    found: list[Instruction] = []
    for line in re.sub(r"\\\n", " ", text).splitlines():
        if not line.strip():
            continue
        word, rest = line.split(maxsplit=1)
        stage += word == "FROM"
        found.append(Instruction(word, rest.strip(), stage))
    return found


def compose() -> dict[str, Any]:
    return cast("dict[str, Any]", yaml.safe_load(COMPOSE.read_text()))
