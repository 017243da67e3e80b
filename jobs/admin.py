from django.contrib import admin, messages
from django.contrib.admin.filters import EmptyFieldListFilter
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from datasets.models import of_analysis
from jobs.core.progress import RunState
from jobs.events import Source
from jobs.models import Job, JobEvent, TrainingRun
from jobs.services import JobChange, change_job
from jobs.training.measurements import is_connected, state_of
from jobs.training.runs import revoke_secret
from notebooks.services import lint_notebook
from slmgen.audit.services import audit
from slmgen.errors import InvalidInput
from slmgen.support.read_only_admin import ReadOnlyAdmin, age, short


class JobEventInline(admin.TabularInline):  # type: ignore[type-arg]  # generic in stubs only
    model = JobEvent
    fields = ("at", "kind", "source", "status", "step", "reason")
    readonly_fields = fields
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class StateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(
        self, request: HttpRequest, model_admin: object
    ) -> list[tuple[str, str]]:
        return [(state.value, state.value) for state in RunState]

    def queryset(self, request: HttpRequest, jobs: QuerySet[Job]) -> QuerySet[Job]:
        value = self.value()
        if value is None or value not in set(RunState):
            return jobs
        found = Job.objects.in_state(RunState(value), timezone.now())
        return jobs.filter(pk__in=found.values("pk"))


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    list_display = (
        "job", "owner", "data", "models", "status", "state", "analysis",
        "attempts", "age",
    )  # fmt: skip
    list_select_related = ("owner", "training_run")
    list_filter = (StateFilter, "status", "model_id", "created_at")
    search_fields = ("id", "owner__username", "dataset__id", "model_id")
    actions = ("cancel", "retry", "lint")
    inlines = (JobEventInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        jobs: QuerySet[Job] = super().get_queryset(request)
        return jobs.annotate(
            analysis=of_analysis("state", "dataset"),
            attempts=of_analysis("attempts", "dataset"),
        )

    @admin.display(description="Job", ordering="id")
    def job(self, job: Job) -> str:
        return short(job.pk)

    @admin.display(description="Dataset", ordering="dataset")
    def data(self, job: Job) -> str:
        return short(job.dataset_id)

    @admin.display(description="Model", ordering="model_id")
    def models(self, job: Job) -> str:
        return job.model_id or "several"

    @admin.display(description="State")
    def state(self, job: Job) -> str:
        return str(state_of(job).value)

    @admin.display(description="Analysis", ordering="analysis")
    def analysis(self, job: Job) -> str:
        return str(job.analysis)  # type: ignore[attr-defined]  # annotated

    @admin.display(description="Attempts", ordering="attempts")
    def attempts(self, job: Job) -> int:
        return int(job.attempts)  # type: ignore[attr-defined]  # annotated

    @admin.display(description="Age", ordering="created_at")
    def age(self, job: Job) -> str:
        return age(job.created_at)

    @admin.action(description="Cancel the selected jobs", permissions=["act"])
    def cancel(self, request: HttpRequest, jobs: QuerySet[Job]) -> None:
        self._move(request, jobs, Job.Status.CANCELLED)

    @admin.action(description="Queue the selected jobs again", permissions=["act"])
    def retry(self, request: HttpRequest, jobs: QuerySet[Job]) -> None:
        self._move(request, jobs, Job.Status.QUEUED)

    def _move(
        self, request: HttpRequest, jobs: QuerySet[Job], status: Job.Status
    ) -> None:
        for job in jobs:
            try:
                change_job(job, JobChange(status=status, source=Source.SUPPORT))
                audit(request.user, f"set to {status.value}", job)
            except InvalidInput as error:
                self.message_user(request, f"{job}: {error.detail}", messages.ERROR)

    @admin.action(description="Check the notebooks of the selected jobs again")
    def lint(self, request: HttpRequest, jobs: QuerySet[Job]) -> None:
        for job in jobs.select_related("notebook"):
            if job.notebook is None:
                self.message_user(request, f"{job} has no notebook.", messages.WARNING)
                continue
            faults = lint_notebook(job.notebook)
            words = "; ".join(faults) or "no faults"
            level = messages.ERROR if faults else messages.SUCCESS
            self.message_user(request, f"{job}, {job.notebook}: {words}", level)


@admin.register(TrainingRun)
class TrainingRunAdmin(ReadOnlyAdmin):
    list_display = (
        "run", "owner", "state", "step", "steps", "started_at", "seen_at", "connected",
    )  # fmt: skip
    list_select_related = ("job__owner", "job__training_run")
    list_filter = (
        ("secret_hash", EmptyFieldListFilter), "job__status", "seen_at", "started_at",
    )  # fmt: skip
    search_fields = ("job__id", "job__owner__username")
    exclude = ("secret_hash",)
    actions = ("revoke",)

    @admin.display(description="Job", ordering="job")
    def run(self, run: TrainingRun) -> str:
        return short(run.pk)

    @admin.display(description="Owner", ordering="job__owner__username")
    def owner(self, run: TrainingRun) -> str:
        return str(run.job.owner)

    @admin.display(description="State")
    def state(self, run: TrainingRun) -> str:
        return str(state_of(run.job).value)

    @admin.display(description="May report", boolean=True)
    def connected(self, run: TrainingRun) -> bool:
        return is_connected(run.job)

    @admin.action(description="Revoke the selected secrets", permissions=["act"])
    def revoke(self, request: HttpRequest, runs: QuerySet[TrainingRun]) -> None:
        for run in runs.select_related("job"):
            revoke_secret(run.job, Source.SUPPORT)
            audit(request.user, "revoke secret", run)
