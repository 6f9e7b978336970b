"""What an OPC UA server may send us at most: no message without an end, no list of nothing, no text that is none.

OPC 10000-6 §6.7 and §7.1. asyncua itself takes a message of any size in any number of pieces, believes the length that
a piece announces, and reads lists as long as they say that they are.
Rule 1: a message that is too large ends the link as the server's own error would: ``BadTcpMessageTooLarge``.
Rule 2: until the session stands a message is small; later it may carry many values.
Rule 3: lists of what takes long to read, within one value, have a bound; what takes no byte makes no list.
Not here: what messages mean (``opcua_services``, ``opcua_notified``), security (``opcua_channel``).
"""

import asyncio
from typing import Any, Final

from asyncua import Client, ua
from asyncua.ua import ua_binary

GREETING_MAX: Final = 1024 * 1024
MESSAGE_MAX: Final = 16 * 1024 * 1024
SLOW_MAX: Final = 50_000  # members of all lists in one value that are no plain numbers
_HEAD: Final = 8  # bytes: what it is, whether there is more, how large it is
_MORE: Final = b"C"
_TOO_LARGE: Final = ua_binary.uatcp_to_binary(
    ua.MessageType.Error, ua.ErrorMessage(Error=ua.StatusCode(ua.StatusCodes.BadTcpMessageTooLarge)))


class BoundedClient(Client):  # type: ignore[misc] # asyncua tells no types
    """asyncua's client within Rules 1 and 2; ``message_max``: bytes of one message from now on."""

    def __init__(self, url: str, timeout: float, **more: Any) -> None:
        super().__init__(url, timeout=timeout, **more)
        self.message_max = GREETING_MAX
        self.max_messagesize = MESSAGE_MAX
        make = self.uaclient._make_protocol  # noqa: SLF001 - the one place where the library's socket is made
        self.uaclient._make_protocol = lambda: Framed(make(), self)  # noqa: SLF001 - as above


class Framed(asyncio.Protocol):
    """Between the socket and the library: hands on whole pieces of messages, as long as they keep within bounds."""

    def __init__(self, inner: asyncio.Protocol, client: BoundedClient) -> None:
        self._inner, self._client = inner, client
        self._held = bytearray()
        self._size = 0  # of the message so far
        self._ended = False

    def connection_made(self, transport: Any) -> None:
        """The socket is open."""
        self._inner.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is closed, by whomever."""
        self._inner.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Hand on what is whole."""
        self._held += data
        while not self._ended and len(self._held) >= _HEAD:
            size = max(_HEAD, int.from_bytes(self._held[4:_HEAD], "little"))
            if self._size + size > self._client.message_max:
                self._ended = True
                self._held.clear()
                self._inner.data_received(_TOO_LARGE)
                return
            if len(self._held) < size:
                return
            piece = bytes(self._held[:size])
            del self._held[:size]
            self._size = self._size + size if piece[3:4] == _MORE else 0
            self._inner.data_received(piece)


class _Lists:
    """Reads the list in a value as the library does, within Rule 3."""

    def __init__(self) -> None:
        self._read = ua_binary.unpack_uatype_array
        self._depth = self._members = 0

    def __call__(self, kind: Any, data: Any) -> Any:
        length = int.from_bytes(data.copy(4).read(4), "little", signed=True)
        if hasattr(ua_binary.Primitives1, kind.name) or length <= 0:
            return self._read(kind, data)
        if kind is ua.VariantType.Null:
            raise ua.UaError("a list of nothing")
        self._members = length + (self._members if self._depth else 0)
        if self._members > SLOW_MAX:
            raise ua.UaError("a list too long")
        self._depth += 1
        try:
            return self._read(kind, data)
        finally:
            self._depth -= 1


ua_binary.unpack_uatype_array = _Lists()  # the library has no bound of its own to be set


def fit_text(text: str | None) -> str | None:
    """``text``; None where its bytes were no UTF-8, which the library keeps as what no file and no answer can hold."""
    if text is None or text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return None
    return text


def shown_text(text: Any) -> str:
    """``text`` as it can be shown and stored, whatever the server sent."""
    return str(text or "").encode("utf-8", "replace").decode()
