"""The issuer's public keys, fetched rarely; nobody waits for a fetch while some are
known.

PyJWT's own client holds a lock while it fetches, and forgets its keys when a fetch
fails: a few requests with invented key ids and a slow issuer would stop every valid
one.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from ipaddress import ip_address
from types import MappingProxyType
from typing import IO, Any
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

import msgspec
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from slmgen.errors import Unavailable

FRESH_SECONDS = 300.0
STALE_SECONDS = 3600.0
SECONDS_BETWEEN_FETCHES = 30.0
TIMEOUT_SECONDS = 3.0
MAX_BYTES = 200_000
KEY_TYPES = {"EC", "RSA"}

Keys = Mapping[str, PyJWK]
Fetch = Callable[[], bytes]


class FetchFailed(Exception):
    """The issuer did not answer with a usable key set."""


@dataclass(frozen=True)
class _Known:
    keys: Keys
    fetched_at: float


class KeyCache:
    def __init__(
        self, fetch: Fetch, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._known: _Known | None = None
        self._tried_at = float("-inf")
        self._turn = threading.Lock()  # held by the one thread that fetches

    def key(self, kid: str) -> PyJWK | None:
        """The key, or None when the issuer has none with that id.

        Raises Unavailable when there is no key set that is young enough to trust.
        """
        known = self._usable()
        if known is None:
            known = self._refresh(wait=True)
        elif kid not in known.keys:
            known = self._refresh(wait=False) or known
        elif self._clock() - known.fetched_at > FRESH_SECONDS and self._due():
            threading.Thread(
                target=self._refresh, kwargs={"wait": False}, daemon=True
            ).start()
        if known is None:
            raise Unavailable("Tokens cannot be checked now; try again.", 5)
        return known.keys.get(kid)

    def refresh(self) -> Keys:
        """Fetches now, even if keys are known. Raises FetchFailed."""
        known = _Known(read_keys(self._fetch()), self._clock())
        self._known = known
        return known.keys

    def _usable(self) -> _Known | None:
        known = self._known
        if known is None or self._clock() - known.fetched_at > STALE_SECONDS:
            return None
        return known

    def _due(self) -> bool:
        return self._clock() - self._tried_at >= SECONDS_BETWEEN_FETCHES

    def _refresh(self, *, wait: bool) -> _Known | None:
        timeout = TIMEOUT_SECONDS + 1 if wait else 0
        if not self._turn.acquire(timeout=timeout):
            return self._usable()
        try:
            if self._due():
                self._tried_at = self._clock()
                self.refresh()
        except FetchFailed:
            return self._usable()
        finally:
            self._turn.release()
        return self._usable()


def read_keys(body: bytes) -> Keys:
    """The signature keys in a key set (RFC 7517), by id. Raises FetchFailed."""
    try:
        entries = msgspec.json.decode(body)["keys"]
        found = {
            entry["kid"]: PyJWK(entry)
            for entry in entries
            if entry.get("kty") in KEY_TYPES and entry.get("use", "sig") == "sig"
            and isinstance(entry.get("kid"), str)
        }  # fmt: skip
    except (PyJWTError, ValueError, KeyError, TypeError, AttributeError,
            RecursionError) as error:  # fmt: skip
        raise FetchFailed("the answer is no JSON Web Key Set") from error
    if not found:
        # An empty set would refuse every good token, so the known keys stay in use.
        raise FetchFailed("the key set holds no signature key")
    return MappingProxyType(found)


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


def is_safe(url: str) -> bool:
    """Whether keys from this address can be trusted: https, or this machine."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        return bool(parts.hostname)
    if parts.scheme != "http":
        return False
    host = parts.hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def fetcher(url: str) -> Fetch:
    opener = build_opener(_NoRedirect)

    def fetch() -> bytes:
        request = Request(url, headers={"Accept": "application/json"})  # noqa: S310  # a setting; checks allow http and https alone
        try:
            with opener.open(request, timeout=TIMEOUT_SECONDS) as response:
                return _read(response)
        except (URLError, OSError, HTTPException, ValueError) as error:
            raise FetchFailed(f"no answer: {type(error).__name__}") from error

    return fetch


def _read(response: IO[bytes]) -> bytes:
    """The whole body within the time limit, which a server that sends slowly cannot
    extend."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    body = b""
    while chunk := response.read1(65_536):  # type: ignore[attr-defined]  # HTTPResponse
        body += chunk
        if len(body) > MAX_BYTES or time.monotonic() > deadline:
            raise FetchFailed("the key set is too large or too slow")
    return body
