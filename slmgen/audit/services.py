from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Model

from slmgen.audit.models import AuditEvent

Actor = AbstractBaseUser | AnonymousUser


def audit(
    actor: Actor | None,
    action: str,
    obj: Model | None = None,
) -> AuditEvent:
    """Records that `actor` did `action` to an object, or to the server where it is
    None.

    An anonymous actor has no name. `by` comes from the caller and is never inferred
    from the owner of the object.
    """
    return AuditEvent.objects.create(
        actor_id=actor.pk if actor else None,
        actor_name=actor.get_username() if actor else "the server",
        action=action,
        kind=str(obj._meta.verbose_name) if obj else "server",
        object_id=str(obj.pk) if obj else "",
    )
