from django.apps import AppConfig

from slmgen import checks

__all__ = ["SlmgenConfig", "checks"]


class SlmgenConfig(AppConfig):
    name = "slmgen"
