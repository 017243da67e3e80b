from django.apps import AppConfig

from datasets import checks

__all__ = ["DatasetsConfig", "checks"]


class DatasetsConfig(AppConfig):
    name = "datasets"
