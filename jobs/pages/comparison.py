"""Compares two to four jobs: settings, losses and outcome."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.template.defaultfilters import filesizeformat

from datasets.models import AnyUser
from datasets.services import stored_profile
from jobs.core import wording
from jobs.core.curves import Curve, rows, thinned
from jobs.core.curves import CurveRow as LossRow
from jobs.models import Job
from jobs.services import find_job, model_names
from jobs.training.measurements import measured, run_of_job, state_of
from notebooks.forms import written
from slmgen.errors import InvalidInput
from slmgen.templatetags.curves import Line

FEWEST, MOST = 2, 4
TABLE_ROWS = 30  # of each job


@dataclass(frozen=True)
class ComparisonRow:
    name: str
    values: list[str]

    @property
    def differs(self) -> bool:
        return len(set(self.values)) > 1


@dataclass(frozen=True)
class Comparison:
    jobs: list[Job]
    names: list[str]
    results: list[ComparisonRow]
    differing: list[ComparisonRow]
    same: list[ComparisonRow]
    lines: list[Line]
    losses: list[ComparisonRow]

    @property
    def columns(self) -> list[tuple[Job, str]]:
        return list(zip(self.jobs, self.names, strict=True))


def compare(ids: Sequence[str], *, user: AnyUser) -> Comparison:
    """Raises InvalidInput for too few or too many jobs, NotFound for unknown ones."""
    ids = list(dict.fromkeys(ids))
    if not FEWEST <= len(ids) <= MOST:
        raise InvalidInput(
            f"{len(ids)} jobs were chosen; tick two to four in the history, "
            "then compare them."
        )
    jobs = [find_job(key, user=user) for key in ids]
    curves = [measured(job).curve for job in jobs]
    settings = _settings(jobs)
    return Comparison(
        jobs=jobs,
        names=[f"{at}. {_name(job)}" for at, job in enumerate(jobs, start=1)],
        results=_results(jobs, curves),
        differing=[row for row in settings if row.differs],
        same=[row for row in settings if not row.differs],
        lines=_lines(jobs, curves),
        losses=_losses(curves),
    )


def _name(job: Job) -> str:
    return f"{', '.join(model_names(job))} on {job.dataset.filename}"


def _results(jobs: list[Job], curves: list[Curve]) -> list[ComparisonRow]:
    def row(name: str, text_of: Callable[[Job, Curve], str]) -> ComparisonRow:
        return ComparisonRow(
            name, [text_of(*pair) for pair in zip(jobs, curves, strict=True)]
        )

    return [
        row("State", lambda job, curve: state_of(job).value),
        row("Steps", lambda job, curve: _steps(job)),
        row("Training took", lambda job, curve: _spent(job)),
        row("Last loss, smoothed", lambda job, curve: _last(curve.smoothed)),
        row("Evaluation before", lambda job, curve: _before(curve)),
        row("Last evaluation", lambda job, curve: _last(curve.eval)),
        row("Best evaluation", lambda job, curve: _best(curve)),
        row("Diverged", lambda job, curve: _diverged(curve)),
        row("Rows", lambda job, curve: f"{job.dataset.total_examples:,}"),
        row("Tokens", lambda job, curve: _tokens(job)),
        row("Notebook", lambda job, curve: _size(job)),
    ]


def _steps(job: Job) -> str:
    run = run_of_job(job)
    return f"{run.step:,} of {run.steps:,}" if run and run.started_at else "–"


def _spent(job: Job) -> str:
    run = run_of_job(job)
    if run is None or run.started_at is None or run.seen_at is None:
        return "–"
    return wording.duration((run.ended_at or run.seen_at) - run.started_at)


def _last(points: Sequence[Any]) -> str:
    return wording.loss(points[-1].value) if points else "–"


def _before(curve: Curve) -> str:
    first = curve.eval[0] if curve.eval else None
    return wording.loss(first.value) if first and first.step == 0 else "–"


def _best(curve: Curve) -> str:
    best = curve.best
    return f"{wording.loss(best.value)} at step {best.step:,}" if best else "–"


def _diverged(curve: Curve) -> str:
    return f"at step {curve.diverged[0]:,}" if curve.diverged else "–"


def _tokens(job: Job) -> str:
    profile = stored_profile(job.dataset)
    return f"{profile.total_tokens:,}" if profile else "–"


def _size(job: Job) -> str:
    return filesizeformat(job.notebook.size) if job.notebook else "–"


def _settings(jobs: list[Job]) -> list[ComparisonRow]:
    """Every setting that one of the jobs has; jobs without it get an empty cell."""
    named: dict[str, list[Any]] = {
        "data": [job.dataset.filename for job in jobs],
        "version of the data": [str(job.dataset_id)[:8] for job in jobs],
        "model": [", ".join(model_names(job)) for job in jobs],
        "task": [job.task_type for job in jobs],
        "runs on": [job.deployment_target for job in jobs],
    }
    for name in dict.fromkeys(key for job in jobs for key in job.training_config):
        named[name] = [job.training_config.get(name, "") for job in jobs]
    return [
        ComparisonRow(name, ["–" if v == "" else written(v) for v in values])
        for name, values in named.items()
    ]


def _losses(curves: list[Curve]) -> list[ComparisonRow]:
    """The lines of the chart as a table."""
    tables = [{row.step: row for row in rows(curve, TABLE_ROWS)} for curve in curves]
    return [
        ComparisonRow(f"{step:,}", [_losses_of(table.get(step)) for table in tables])
        for step in sorted({step for table in tables for step in table})
    ]


def _losses_of(row: LossRow | None) -> str:
    if row is None:
        return "–"
    parts = [wording.loss(row.smoothed)] if row.smoothed is not None else []
    if row.eval_loss is not None:
        parts.append(f"evaluation {wording.loss(row.eval_loss)}")
    return ", ".join(parts)


def _lines(jobs: list[Job], curves: list[Curve]) -> list[Line]:
    lines = []
    for at, (job, curve) in enumerate(zip(jobs, curves, strict=True), start=1):
        name, look = f"{at}. {', '.join(model_names(job))}", f"run-{at}"
        lines += [
            Line(f"{name}, loss smoothed", f"{look} smooth", thinned(curve.smoothed)),
            Line(f"{name}, evaluation", f"{look} eval", thinned(curve.eval), dots=True),
        ]
    return [line for line in lines if line.points]
