import uuid

from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils.crypto import salted_hmac

from slmgen.errors import NotFound, Unauthorized
from slmgen.identity import tokens
from slmgen.identity.models import Identity


def user_for(claims: tokens.Claims) -> User:
    """The local user of a token's subject, created at the first request."""
    known = Identity.objects.select_related("user").filter(
        issuer=claims.issuer, subject=claims.subject
    )
    identity = known.first()
    if identity is None:
        if claims.issuer == tokens.OWN_ISSUER:  # the account was deleted since
            raise Unauthorized(tokens.REFUSED)
        try:
            identity = _create(claims)
        except IntegrityError:  # another first request of this user was faster
            identity = known.get()
    user: User = identity.user
    if not user.is_active or _is_outdated(claims, user):
        raise Unauthorized(tokens.REFUSED)
    return user


def _is_outdated(claims: tokens.Claims, user: User) -> bool:
    """A token of this server ends when the password that it was issued for is
    replaced."""
    is_own = claims.issuer == tokens.OWN_ISSUER
    return is_own and claims.password_version != _password_version(user)


def _password_version(user: User) -> str:
    """Changes with the password and reveals nothing about it."""
    salt = "slmgen.identity.password_version"
    return salted_hmac(salt, user.password, algorithm="sha256").hexdigest()[:32]


@transaction.atomic
def _create(claims: tokens.Claims) -> Identity:
    # Never staff, whatever the token claims; without a password nobody can sign in.
    user = User.objects.create_user(username=f"sb_{claims.subject.hex}")
    return Identity.objects.create(
        issuer=claims.issuer, subject=claims.subject, user=user
    )


def token_for(*, username: str, password: str) -> str:
    """Issues a token for an account of this server.

    Raises Unauthorized; TooMany while the account is locked.
    """
    if tokens.trust().mode != "own":
        raise NotFound("This server issues no tokens; get one from its Supabase login.")
    user = authenticate(username=username, password=password)
    if user is None:
        raise Unauthorized("The username or the password is wrong.")
    identity, _ = Identity.objects.get_or_create(
        issuer=tokens.OWN_ISSUER, user=user, defaults={"subject": uuid.uuid4()}
    )
    return tokens.issue(identity.subject, _password_version(user))


def token_seconds() -> int:
    return 60 * int(settings.SLMGEN_TOKEN_MINUTES)
