from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from slmgen.identity.jwks import is_safe
from slmgen.identity.tokens import jwks_url

MODES = ("", "jwks", "hs256", "both")
MIN_SECRET_BYTES = 32
# Published in Supabase's self-hosting files: anybody could sign tokens with it.
PUBLIC_SECRETS = {
    "super-secret-jwt-token-with-at-least-32-characters-long",
    "your-super-secret-jwt-token-with-at-least-32-characters-long",
    "CHANGE-THIS! VERY IMPORTANT!",
}


@register()
def tokens_are_configured_safely(**kwargs: Any) -> list[CheckMessage]:
    return [*_mode_errors(), *_secret_errors(), *_url_errors()]


def _mode_errors() -> list[CheckMessage]:
    mode = settings.SLMGEN_JWT_MODE
    if mode not in MODES:
        hint = "Use jwks, hs256 or both, or leave it empty."
        return [Error(f"SLMGEN_JWT_MODE is {mode!r}.", hint, id="identity.E001")]
    if mode in {"hs256", "both"} and not settings.SUPABASE_JWT_SECRET:
        hint = "Set SUPABASE_JWT_SECRET, or use the mode jwks."
        return [Error(f"The mode {mode} needs a secret.", hint, id="identity.E002")]
    if mode in {"jwks", "both"} and not jwks_url():
        hint = "Set SUPABASE_URL or SLMGEN_JWKS_URL."
        return [Error(f"The mode {mode} needs a key set.", hint, id="identity.E003")]
    return []


def _secret_errors() -> list[CheckMessage]:
    secret = settings.SUPABASE_JWT_SECRET
    if secret in PUBLIC_SECRETS:
        hint = "Make a new secret in the Supabase project: this one is published."
        return [Error("SUPABASE_JWT_SECRET is public.", hint, id="identity.E004")]
    if secret and len(secret.encode()) < MIN_SECRET_BYTES:
        hint = f"Use at least {MIN_SECRET_BYTES} bytes."
        return [Error("SUPABASE_JWT_SECRET is too short.", hint, id="identity.E005")]
    return []


def _url_errors() -> list[CheckMessage]:
    url = jwks_url()
    if not url or is_safe(url):
        return []
    hint = "Use https; http is taken from this machine only."
    return [Error("The key set's address is not safe.", hint, id="identity.E006")]
