"""Sign-in providers (OpenID Connect, GitHub, Google), as the environment configures
them."""

from dataclasses import astuple, dataclass
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from slmgen.identity.jwks import is_safe

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
    """allauth's setting, with the complete providers only. A half-configured one stops
    the start."""
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


def _safe(name: str, url: str) -> str:
    """Claims about a person must travel over https, or stay on this machine."""
    if not is_safe(url):
        raise ImproperlyConfigured(f"{name} is {url!r}; expected an https address.")
    return url.rstrip("/")


def _github(github: GitHub) -> dict[str, Any]:
    app = {"client_id": github.client_id, "secret": github.client_secret}
    setting: dict[str, Any] = {"APPS": [app], "OAUTH_PKCE_ENABLED": True}
    if github.url:
        setting["GITHUB_URL"] = _safe("SLMGEN_GITHUB_URL", github.url)
    return setting


def _oidc(oidc: OpenIDConnect) -> dict[str, Any]:
    app = {
        "provider_id": OIDC_ID,
        "name": oidc.name,
        "client_id": oidc.client_id,
        "secret": oidc.client_secret,
        "settings": {"server_url": _safe("SLMGEN_OIDC_ISSUER", oidc.issuer)},
    }
    return {"APPS": [app], "OAUTH_PKCE_ENABLED": True}
