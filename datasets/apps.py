from django.apps import AppConfig

from datasets import checks

__all__ = ["DatasetsConfig", "checks"]


class DatasetsConfig(AppConfig):
    name = "datasets"

    def ready(self) -> None:
        # Models exist only now; the services register what the worker needs of them.
        import datasets.services  # noqa: F401
