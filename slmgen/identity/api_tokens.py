"""API tokens, which users create for programs on their account page."""

import secrets
import string
import zlib
from datetime import timedelta

from django.contrib.auth.models import User
from django.db.models import Q
from django.utils import timezone
from rest_framework.permissions import SAFE_METHODS

from slmgen.audit.services import Actor, audit
from slmgen.errors import Forbidden, InvalidInput, NotFound, Unauthorized
from slmgen.http.bearer import hash_of
from slmgen.identity.models import ApiToken
from slmgen.identity.tokens import REFUSED

PREFIX = "slm_pat_"
ALPHABET = string.digits + string.ascii_letters
RANDOM_CHARACTERS = 43  # 256 bits
CHECK_CHARACTERS = 6
LIFE_DAYS = (7, 30, 90, 365)
MAX_TOKENS = 50
# A token in use updates its row at most this often.
USE_RESOLUTION = timedelta(minutes=1)


def create_token(
    *, user: User, name: str, scope: str, days: int
) -> tuple[ApiToken, str]:
    """The row, and the token itself, which is stored nowhere. Raises InvalidInput."""
    if count_alive(user) >= MAX_TOKENS:
        raise InvalidInput(f"You have {MAX_TOKENS} tokens; revoke one of them first.")
    token = _new()
    row = ApiToken.objects.create(
        user=user,
        name=name,
        scope=scope,
        hash=hash_of(token),
        expires_at=timezone.now() + timedelta(days=days),
    )
    audit(user, "make", row)
    return row, token


def tokens_of(user: User) -> list[ApiToken]:
    return list(ApiToken.objects.kept().filter(user=user))


def find_token(token_id: int, *, user: User) -> ApiToken:
    """The user's token, unless it is revoked. Raises NotFound."""
    row = ApiToken.objects.kept().filter(user=user, pk=token_id).first()
    if row is None:
        raise NotFound("There is no token at this address.")
    return row


def revoke(row: ApiToken, *, by: Actor) -> bool:
    """Revokes a token; False where it was revoked before."""
    kept = ApiToken.objects.kept().filter(pk=row.pk)
    if not kept.update(revoked_at=timezone.now()):
        return False
    audit(by, "revoke", row)
    return True


def count_alive(user: User) -> int:
    return ApiToken.objects.alive().filter(user=user).count()


def revoke_all(user: User, *, by: Actor) -> None:
    for row in tokens_of(user):
        revoke(row, by=by)


def holder_of(token: str, *, method: str) -> tuple[User, ApiToken]:
    """The user of a token. Raises Unauthorized; Forbidden where its scope does not
    suffice.

    The lookup is by hash, so its timing reveals nothing about a token.
    """
    row = None
    if _is_whole(token):
        alive = ApiToken.objects.alive().filter(user__is_active=True)
        row = alive.filter(hash=hash_of(token)).select_related("user").first()
    if row is None:
        raise Unauthorized(REFUSED)
    if row.scope == ApiToken.Scope.READ and method not in SAFE_METHODS:
        raise Forbidden(
            f"This token may only read, and {method} writes; make one that may "
            "read and write on your account page."
        )
    _note_use(row)
    user: User = row.user
    return user, row


def _note_use(row: ApiToken) -> None:
    now = timezone.now()
    stale = Q(last_used_at=None) | Q(last_used_at__lt=now - USE_RESOLUTION)
    if row.last_used_at is None or row.last_used_at < now - USE_RESOLUTION:
        ApiToken.objects.filter(stale, pk=row.pk).update(last_used_at=now)


def _new() -> str:
    random = "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_CHARACTERS))
    return f"{PREFIX}{random}{_check(random)}"


def _is_whole(token: str) -> bool:
    """Checks the checksum, which finds mistyped and invented tokens without the
    database."""
    body = token.removeprefix(PREFIX)
    random, check = body[:-CHECK_CHARACTERS], body[-CHECK_CHARACTERS:]
    return len(random) == RANDOM_CHARACTERS and check == _check(random)


def _check(random: str) -> str:
    """CRC-32 of the random part in base 62, as secret scanners know it from other
    tokens."""
    rest, digits = zlib.crc32(random.encode()), ""
    for _ in range(CHECK_CHARACTERS):
        rest, digit = divmod(rest, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits
