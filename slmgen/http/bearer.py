"""Bearer tokens: how a request carries one, and what is stored of it."""

import hashlib

CHALLENGE = 'Bearer realm="slmgen"'


def token_in(header: str | None) -> str:
    """The token of an Authorization header; empty where it has none."""
    scheme, _, token = (header or "").partition(" ")
    return token if scheme.lower() == "bearer" else ""


def hash_of(token: str) -> str:
    """One round without a salt is enough: tokens are long and random."""
    return hashlib.sha256(token.encode()).hexdigest()
