"""Identifies a client by its address, as a trusted proxy reports it."""

from contextvars import ContextVar
from ipaddress import IPv6Address, ip_address, ip_network

from django.conf import settings

client_now: ContextVar[str] = ContextVar("client_now", default="")
IPV6_NETWORK = 64  # what one customer gets: more addresses than anybody could count


def address_of(peer: str, forwarded: str | None) -> str:
    """The address that connected, or the one that the outermost trusted proxy reports.

    `forwarded` is X-Forwarded-For, which slmgen.http.body_limits removes where no
    trusted proxy sent it.
    """
    proxies = settings.SLMGEN_TRUSTED_PROXIES
    if not proxies or not forwarded:
        return peer
    named = [part.strip() for part in forwarded.split(",")]
    return named[-min(proxies, len(named))]


def network_of(address: str) -> str:
    """The network that counts as one client: an IPv4 address, or an IPv6 /64."""
    try:
        found = ip_address(address)
    except ValueError:
        return "unknown"
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ip_network((found, IPV6_NETWORK), strict=False))
