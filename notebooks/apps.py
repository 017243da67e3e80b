from django.apps import AppConfig


class NotebooksConfig(AppConfig):
    name = "notebooks"

    def ready(self) -> None:
        # Models exist only now; the services register what the worker needs of them.
        import notebooks.services  # noqa: F401
