"""Channels and their topics, and what may be said on them."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, overload

from pydantic import JsonValue, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from core.errors import Refused
from core.invalid import problem_text
from core.text import CONTROLS

T = TypeVar("T")

NAME_CHARS = 200
DATA_BYTES = 512 * 1024  # as much as an event may hold
_CONTROLS = re.compile(f"[{CONTROLS}]")


_JSON: TypeAdapter[Any] = TypeAdapter(JsonValue)  # shared: names alone make a topic at each call


class BadChannel(Refused):
    """A name that cannot be, or a topic that the channel does not have."""

    code = "bad_channel"


class BadMessage(Refused):
    """The data does not fit its topic, is not JSON, or is too large."""

    code = "bad_message"

    def __init__(self, channel: str, topic: str, what: str) -> None:
        super().__init__(f"channel {channel!r}, topic {topic!r}: {what}")
        self.channel = channel
        self.topic = topic


class Topic(Generic[T]):
    """One kind of message of a channel: its name, and the type of its data.

    The type is whatever pydantic can read and write as JSON.
    """

    @overload
    def __init__(self, name: str, type_: type[T]) -> None: ...
    @overload
    def __init__(self, name: str, type_: Any) -> None: ...  # unions and other special forms
    def __init__(self, name: str, type_: Any) -> None:
        """Raises: BadChannel: the name is empty, too long, or has control characters."""
        self.name = checked_name("topic", name)
        self.type = type_
        self._adapter: TypeAdapter[T] = _JSON if type_ is JsonValue else TypeAdapter(type_)

    def __repr__(self) -> str:
        return f"Topic({self.name!r}, {self.type!r})"

    def write(self, channel: str, data: object) -> str:
        """Data as JSON text.

        Raises:
            BadMessage: it does not fit the type, is not JSON, or is too large.
        """
        try:
            fitting = self._adapter.validate_python(data)
            value = self._adapter.dump_python(fitting, mode="json", by_alias=True, warnings="error")
            text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
            size = len(text.encode())
        except ValidationError as error:
            raise BadMessage(channel, self.name, problem_text(error, whole="data")) from error
        except PydanticSerializationError as error:  # its text would show the data
            raise BadMessage(channel, self.name, "it does not serialise as its type") from error
        except (ValueError, RecursionError) as error:
            raise BadMessage(channel, self.name, f"not JSON: {error}") from error
        if size > DATA_BYTES:
            what = f"{size} bytes, and {DATA_BYTES} are allowed: store the data, send a reference"
            raise BadMessage(channel, self.name, what)
        return text

    def read(self, channel: str, text: str) -> T:
        """The inverse of `write`.

        Raises:
            BadMessage: whoever sent it means another type by this topic.
        """
        try:
            return self._adapter.validate_json(text)
        except ValidationError as error:
            raise BadMessage(channel, self.name, problem_text(error, whole="data")) from error


class Channel:
    """A kind of channel, with its topics: `build.of("7")` is the channel "build:7".

    Without `of` it is a channel itself, named as it is.
    """

    def __init__(self, name: str, *topics: Topic[Any]) -> None:
        """Raises: BadChannel: a wrong name, no topic, or two with one name."""
        self.name = checked_name("channel", name)
        self.topics = {topic.name: topic for topic in topics}
        if not topics or len(self.topics) < len(topics):
            raise BadChannel(f"channel {name!r} needs topics, each with a name of its own")

    def of(self, key: str) -> "Channel":
        """The channel of this kind for one thing. Raises: BadChannel."""
        return Channel(f"{self.name}:{key}", *self.topics.values())

    def __repr__(self) -> str:
        return f"Channel({self.name!r})"


AnyTopic = Topic[Any] | str


@dataclass(frozen=True)
class Address:
    """A channel by name, and which of its topics; None means all that there are."""

    channel: str
    topics: dict[str, Topic[Any]] | None

    def takes(self, topic: str) -> bool:
        """Whether a topic is among them."""
        return self.topics is None or topic in self.topics

    def topic(self, name: str) -> Topic[Any]:
        """The topic of this name; JSON where nothing more is known of it."""
        found = None if self.topics is None else self.topics.get(name)
        return found or untyped(name)


def address(channel: Channel | str, topics: Sequence[AnyTopic] | None) -> Address:
    """Resolve names and objects.

    Raises:
        BadChannel: a name that cannot be, or a topic that the channel does not have.
    """
    if isinstance(channel, Channel):
        names = channel.topics.values() if topics is None else topics
        return Address(channel.name, {name_of(each): _own(channel, each) for each in names})
    checked_name("channel", channel)
    if topics is None:
        return Address(channel, None)
    found = [untyped(each) if isinstance(each, str) else each for each in topics]
    return Address(channel, {topic.name: topic for topic in found})


def _own(channel: Channel, topic: AnyTopic) -> Topic[Any]:
    own = channel.topics.get(name_of(topic))
    if own is None or (isinstance(topic, Topic) and topic.type != own.type):
        known = ", ".join(repr(each) for each in channel.topics.values())
        raise BadChannel(f"channel {channel.name!r} has no {topic!r}; it has {known}")
    return own


def name_of(topic: AnyTopic) -> str:
    """The name of a topic."""
    return topic if isinstance(topic, str) else topic.name


def untyped(name: str) -> Topic[Any]:
    """A topic that takes any JSON."""
    return Topic(name, JsonValue)


def checked_name(what: str, name: str) -> str:
    """A name that can travel. Raises: BadChannel."""
    if not 0 < len(name) <= NAME_CHARS or _CONTROLS.search(name):
        raise BadChannel(
            f"{what} {name[:NAME_CHARS]!r}: a name has 1 to {NAME_CHARS} characters, "
            "and no control characters"
        )
    return name
