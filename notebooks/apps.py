from django.apps import AppConfig


class NotebooksConfig(AppConfig):
    name = "notebooks"

    def ready(self) -> None:
        # Models exist only now; the services register handlers of work.
        import notebooks.services  # noqa: F401
