from django.apps import AppConfig


class JobsConfig(AppConfig):
    name = "jobs"

    def ready(self) -> None:
        # Models exist only now; the services register handlers of work.
        import jobs.services  # noqa: F401
