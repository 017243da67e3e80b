from importlib import import_module

from django.apps import AppConfig


class RecommenderConfig(AppConfig):
    name = "recommender"

    def ready(self) -> None:
        import_module("recommender.checks")  # knows models, which are loaded only now
