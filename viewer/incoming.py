"""What clients send: messages of viser's, or rubbish, which costs them the connection and us one line.

Viser takes for granted that whoever passes the guard is its own page. Here each frame is decoded and compared with the
types of its message before viser sees it.
"""

import asyncio
import logging
import typing
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import msgspec
import viser._messages
from websockets.asyncio.server import ServerConnection
from websockets.typing import Data

LOGGER = logging.getLogger("nfield.viewer")
"""Is told what went wrong with connections; a line each."""

_UNSUPPORTED = 1003
"""The code with which a websocket says that it was sent what it does not take."""
_LONGEST = 100
_DEEPEST = 8

_Message = viser._messages.Message
_BROKEN = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, AssertionError, RecursionError)


class Rubbish(ValueError):
    """A frame that no page would send."""


class CheckedConnection(ServerConnection):
    """A websocket that ends at the first frame that is no message of viser's."""

    async def recv(self, decode: bool | None = None) -> Any:  # noqa: ANN401 - text or bytes, as `Data`
        """The next frame; raises that the connection is closed where it was rubbish."""
        asyncio.get_running_loop().set_exception_handler(_note_failure)
        frame = await super().recv(decode)
        try:
            require_message(frame)
        except Rubbish as reason:
            LOGGER.warning("closed a connection: it sent %s", reason)
            await self.close(_UNSUPPORTED, "this is no message")
            return await super().recv(decode)  # raises that it is closed
        return frame


def require_message(frame: Data) -> None:
    """Refuses a frame that is no message of viser's, or one whose values are not of its types.

    Raises:
        Rubbish: In words for people.
    """
    if isinstance(frame, str):
        raise Rubbish("text, expected a message in MessagePack")
    try:
        content = msgspec.msgpack.decode(frame)
        _require_bounds(content)
        kind = _Message._subclass_from_type_string()[content["type"]]
        for name, hint in _types(kind).items():
            if name in content:
                msgspec.convert(content[name], hint, strict=True)
        _Message.deserialize(frame)
    except (*_BROKEN, msgspec.MsgspecError) as error:
        words = " ".join(str(error).split())[:_LONGEST]
        raise Rubbish(f"what is no message ({type(error).__name__}: {words})") from error


@cache
def _types(kind: type) -> Mapping[str, Any]:
    """The types of a message's fields, of those that MessagePack can bring: arrays come from servers only."""
    hints = typing.get_type_hints(kind)
    return {name: hint for name, hint in hints.items() if _is_plain(hint)}


def _is_plain(hint: Any) -> bool:  # noqa: ANN401 - any type
    try:
        msgspec.msgpack.Decoder(hint)
    except (TypeError, NotImplementedError):
        return False
    return typing.get_origin(hint) is not typing.ClassVar


def _require_bounds(content: object) -> None:
    """Refuses whole numbers that no browser has, and nests of lists; a camera may well hold what is no number."""
    for value in _values(content, 0):
        if isinstance(value, int) and abs(value) >= 1 << 53:
            raise Rubbish("a number without bounds")


def _values(content: object, depth: int) -> Iterator[object]:
    if depth > _DEEPEST:
        raise Rubbish("lists in lists without end")
    entries = content.values() if isinstance(content, dict) else content if isinstance(content, list) else ()
    yield content
    for entry in entries:
        yield from _values(entry, depth + 1)


def _note_failure(loop: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
    """A line about what viser could not do with a message."""
    error = context.get("exception")
    words = " ".join(str(error or context.get("message", "")).split())[:_LONGEST]
    LOGGER.warning("a message could not be handled (%s: %s)", type(error).__name__, words)


class OneLine(logging.Filter):
    """Turns records with tracebacks into lines."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keeps the record, its error in words."""
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            words = " ".join(str(error).split())[:_LONGEST]
            record.msg, record.args = f"{record.getMessage()} ({type(error).__name__}: {words})", ()
        record.exc_info = record.exc_text = record.stack_info = None
        return True


LOGGER.addFilter(OneLine())
