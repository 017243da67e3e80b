"""Servers that may say who somebody is, as the environment configures them."""

from dataclasses import astuple, dataclass
from typing import Any

from django.core.exceptions import ImproperlyConfigured

OIDC_ID = "oidc"  # part of the callback's address


@dataclass(frozen=True)
class GitHub:
    client_id: str
    client_secret: str
    url: str = ""  # of GitHub Enterprise


@dataclass(frozen=True)
class OpenIDConnect:
    client_id: str
    client_secret: str
    issuer: str
    name: str


def configured(*, github: GitHub, oidc: OpenIDConnect) -> dict[str, Any]:
    """allauth's setting: only what is whole. Half of one stops the start."""
    found: dict[str, Any] = {}
    if _is_whole("SLMGEN_GITHUB", github.client_id, github.client_secret):
        found["github"] = _github(github)
    if _is_whole("SLMGEN_OIDC", *astuple(oidc)[:3]):
        found["openid_connect"] = _oidc(oidc)
    return found


def _is_whole(prefix: str, *values: str) -> bool:
    if any(values) and not all(values):
        raise ImproperlyConfigured(
            f"{prefix}_… is set in part; expected client id, client secret and, for "
            "OpenID Connect, the issuer, or none of them."
        )
    return all(values)


def _github(github: GitHub) -> dict[str, Any]:
    app = {"client_id": github.client_id, "secret": github.client_secret}
    place = {"GITHUB_URL": github.url} if github.url else {}
    return {"APPS": [app], "OAUTH_PKCE_ENABLED": True, **place}


def _oidc(oidc: OpenIDConnect) -> dict[str, Any]:
    app = {
        "provider_id": OIDC_ID,
        "name": oidc.name,
        "client_id": oidc.client_id,
        "secret": oidc.client_secret,
        "settings": {"server_url": oidc.issuer.rstrip("/")},
    }
    return {"APPS": [app], "OAUTH_PKCE_ENABLED": True}
