from django.apps import AppConfig

from slmgen.identity import checks

__all__ = ["IdentityConfig", "checks"]


class IdentityConfig(AppConfig):
    name = "slmgen.identity"
    label = "identity"
    default_auto_field = "django.db.models.BigAutoField"
