"""Verifies tokens. Configuration alone decides which issuers and algorithms are
accepted."""

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, cast

import jwt
from django.conf import settings
from django.utils.crypto import salted_hmac
from jwt.exceptions import PyJWTError

from slmgen.identity.jwks import KeyCache, fetcher

OWN_ISSUER = "slmgen"
AUDIENCE = ROLE = "authenticated"
ASYMMETRIC = ("ES256", "RS256")
LEEWAY_SECONDS = 10
MAX_TOKEN_BYTES = 8 * 1024
MAX_KID_CHARACTERS = 128
REFUSED = "Invalid or expired token."

Mode = Literal["own", "jwks", "hs256", "both"]
Key = bytes | jwt.PyJWK


@dataclass(frozen=True)
class Claims:
    issuer: str
    subject: uuid.UUID
    password_version: str = ""  # only in tokens that this server issued


@dataclass(frozen=True)
class Trust:
    """An issuer that this server trusts, and how its tokens are checked."""

    mode: Mode
    issuer: str  # empty: not checked
    jwks_url: str = ""
    secret: bytes = b""


class Refusal(Exception):
    """Why a token is refused: for the log, never for the client."""


def trust() -> Trust:
    url = settings.SUPABASE_URL.rstrip("/")
    secret = settings.SUPABASE_JWT_SECRET.encode()
    mode = settings.SLMGEN_JWT_MODE or _implied_mode()
    if mode == "own":
        return Trust("own", OWN_ISSUER, secret=_own_secret())
    return Trust(
        cast("Mode", mode),  # `checks` refuses other values at start
        settings.SUPABASE_JWT_ISSUER or (f"{url}/auth/v1" if url else ""),
        jwks_url=jwks_url(),
        secret=secret if mode in {"hs256", "both"} else b"",
    )


def jwks_url() -> str:
    url = settings.SUPABASE_URL.rstrip("/")
    own = f"{url}/auth/v1/.well-known/jwks.json" if url else ""
    return settings.SLMGEN_JWKS_URL or own


def _implied_mode() -> Mode:
    if jwks_url():
        return "jwks"
    return "hs256" if settings.SUPABASE_JWT_SECRET else "own"


def _own_secret() -> bytes:
    return salted_hmac("slmgen.identity.tokens", "v1", algorithm="sha256").digest()


@cache
def key_cache(url: str) -> KeyCache:
    return KeyCache(fetcher(url))


def verify(token: str) -> Claims:
    """The claims of a valid token. Raises Refusal; Unavailable where there are no
    keys."""
    accepted = trust()
    try:
        header = jwt.get_unverified_header(token)
        key, algorithm = _key_for(header, accepted)
        payload = _decoded(token, key, algorithm, accepted)
        return _claims(payload, accepted)
    except (PyJWTError, ValueError, TypeError, RecursionError, OverflowError) as error:
        raise Refusal(f"{type(error).__name__}") from None


def _key_for(header: Mapping[str, Any], accepted: Trust) -> tuple[Key, str]:
    """The key of the configured kind; a token's header only chooses among those."""
    algorithm, kid = header.get("alg"), header.get("kid")
    if "crit" in header:
        raise Refusal("critical extensions")
    if kid is not None and (not isinstance(kid, str) or len(kid) > MAX_KID_CHARACTERS):
        raise Refusal("a malformed key id")
    if algorithm in ASYMMETRIC and accepted.mode in {"jwks", "both"} and kid:
        key = key_cache(accepted.jwks_url).key(kid)
        if key is None or key.algorithm_name != algorithm:
            raise Refusal("an unknown key id, or one of another algorithm")
        return key, str(algorithm)
    if algorithm == "HS256" and accepted.secret:
        if accepted.mode == "both" and kid and key_cache(accepted.jwks_url).key(kid):
            raise Refusal("a public key used as a secret")
        return accepted.secret, "HS256"
    raise Refusal("an algorithm that is not configured")


def _decoded(token: str, key: Key, algorithm: str, accepted: Trust) -> dict[str, Any]:
    required = ["exp", "iat", "sub", "aud"] + (["iss"] if accepted.issuer else [])
    return jwt.decode(
        token,
        key,
        algorithms=[algorithm],
        audience=AUDIENCE,
        issuer=accepted.issuer or None,
        leeway=LEEWAY_SECONDS,
        options={"require": required},
    )


def _claims(payload: Mapping[str, Any], accepted: Trust) -> Claims:
    if payload.get("role") != ROLE:
        raise Refusal("another role than authenticated")
    subject = uuid.UUID(payload["sub"])
    if str(subject) != payload["sub"]:
        raise Refusal("a subject that is no canonical UUID")
    issuer = accepted.issuer or str(payload.get("iss", ""))
    return Claims(issuer, subject, str(payload.get("password_version", "")))


def issue(subject: uuid.UUID, password_version: str) -> str:
    """Issues a short-lived token in the format of Supabase, signed by this server."""
    now = int(time.time())
    payload = {
        "iss": OWN_ISSUER,
        "aud": AUDIENCE,
        "role": ROLE,
        "sub": str(subject),
        "iat": now,
        "exp": now + 60 * settings.SLMGEN_TOKEN_MINUTES,
        "jti": str(uuid.uuid4()),
        "password_version": password_version,
    }
    return jwt.encode(payload, _own_secret(), algorithm="HS256")
