import uuid

from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from slmgen.errors import NotFound, Unauthorized
from slmgen.identity import tokens
from slmgen.identity.models import Identity


def user_for(claims: tokens.Claims) -> User:
    """The local user of a token's subject, made at its first visit."""
    known = Identity.objects.select_related("user").filter(
        issuer=claims.issuer, subject=claims.subject
    )
    identity = known.first()
    if identity is None:
        if claims.issuer == tokens.OWN_ISSUER:  # its account was deleted meanwhile
            raise Unauthorized(tokens.REFUSED)
        try:
            identity = _create(claims)
        except IntegrityError:  # another first request of this user got there first
            identity = known.get()
    user: User = identity.user
    if not user.is_active:
        raise Unauthorized(tokens.REFUSED)
    return user


@transaction.atomic
def _create(claims: tokens.Claims) -> Identity:
    # Never staff, whatever the token claims; without a password nobody can log in.
    user = User.objects.create_user(username=f"sb_{claims.subject.hex}")
    return Identity.objects.create(
        issuer=claims.issuer, subject=claims.subject, user=user
    )


def token_for(*, username: str, password: str) -> str:
    """A token of this server's own for one of its accounts."""
    if tokens.trust().mode != "own":
        raise NotFound("This server issues no tokens; get one from its Supabase login.")
    user = authenticate(username=username, password=password)
    if user is None:
        raise Unauthorized("The username or the password is wrong.")
    identity, _ = Identity.objects.get_or_create(
        issuer=tokens.OWN_ISSUER, user=user, defaults={"subject": uuid.uuid4()}
    )
    return tokens.issue(identity.subject)


def token_seconds() -> int:
    return 60 * int(settings.SLMGEN_TOKEN_MINUTES)
