"""uvicorn's HTTP protocol, with a bound on connections that send no request."""

import asyncio
import socket
from typing import cast

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from slmgen.http.clients import network_of

SECONDS_FOR_A_HEAD = 15.0
# A client that reads nothing of its response for this long is disconnected.
SECONDS_UNREAD = 60
# Connections without a request under way: silent ones, those with half a head, those
# kept alive, and those whose last bytes are not read yet.
MOST_WAITING = 500


class Waiting:
    """Connections without a request under way.

    When there are too many, the oldest one of the client with the most is closed. A
    flood closes its own connections, never the new one of another client; nor a new one
    of the same address, whose request arrives before so many others connect.
    """

    def __init__(self) -> None:
        self._by_client: dict[str, dict[HeadTimeoutProtocol, None]] = {}  # oldest first
        self._count = 0

    def add(self, connection: "HeadTimeoutProtocol") -> None:
        self._by_client.setdefault(connection.network, {})[connection] = None
        self._count += 1
        if self._count > MOST_WAITING:
            most = max(self._by_client, key=lambda client: len(self._by_client[client]))
            oldest = next(iter(self._by_client[most]))
            oldest.stop_waiting()
            oldest.transport.abort()

    def remove(self, connection: "HeadTimeoutProtocol") -> None:
        others = self._by_client[connection.network]
        del others[connection]
        self._count -= 1
        if not others:
            del self._by_client[connection.network]


class HeadTimeoutProtocol(H11Protocol):
    """Closes a connection whose request head does not arrive in time, and the oldest
    such connections when there are many. uvicorn alone waits forever."""

    waiting = Waiting()
    head_seconds = SECONDS_FOR_A_HEAD
    network = "unknown"
    head_timer: asyncio.TimerHandle | None = None  # set while waiting for a head
    cycle: RequestResponseCycle | None  # type: ignore[assignment]  # uvicorn sets None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        cut_off_when_unread(transport)
        if self.client is not None:
            self.network = network_of(self.client[0])
        self._wait_or_not()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._wait_or_not()

    def on_response_complete(self) -> None:
        super().on_response_complete()  # starts the next request if it has arrived
        self._wait_or_not()

    def connection_lost(self, exc: Exception | None) -> None:
        self.stop_waiting()
        super().connection_lost(exc)

    def _wait_or_not(self) -> None:
        is_answering = self.cycle is not None and not self.cycle.response_complete
        if is_answering:
            self.stop_waiting()
        elif self.head_timer is None:
            self.head_timer = self.loop.call_later(
                self.head_seconds, self.transport.close
            )
            self.waiting.add(self)

    def stop_waiting(self) -> None:
        if self.head_timer is not None:
            self.head_timer.cancel()
            self.head_timer = None
            self.waiting.remove(self)


def cut_off_when_unread(transport: asyncio.BaseTransport) -> None:
    """Has the kernel close a connection whose client acknowledges no more data."""
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux only
        one = cast("socket.socket", transport.get_extra_info("socket"))
        if one.family != socket.AF_UNIX:
            one.setsockopt(
                socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SECONDS_UNREAD * 1_000
            )
