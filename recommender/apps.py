from importlib import import_module

from django.apps import AppConfig


class RecommenderConfig(AppConfig):
    name = "recommender"

    def ready(self) -> None:
        # It imports models, which are loaded only now
        import_module("recommender.checks")
