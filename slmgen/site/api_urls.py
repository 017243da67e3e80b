"""All endpoints of the API in one table; no path ends in a slash."""

from django.urls import path

from datasets.api import datasets, work
from jobs.api import generate, jobs, training
from notebooks import api as notebooks
from recommender import api as recommender
from slmgen.identity import api as identity
from slmgen.operations import health

urlpatterns = [
    path("", health.InfoView.as_view(), name="info"),
    path("health", health.HealthView.as_view(), name="health"),
    path("health/ready", health.ReadyView.as_view(), name="ready"),
    path("auth/token", identity.TokenView.as_view(), name="token"),
    path("upload", datasets.UploadView.as_view(), name="upload"),
    path("analyze/<str:session_id>", datasets.AnalyzeView.as_view(), name="analyze"),
    path("preview/<str:session_id>", datasets.PreviewView.as_view(), name="preview"),
    path(
        "preview/<str:session_id>/distribution",
        datasets.DistributionView.as_view(),
        name="distribution",
    ),
    path(
        "preview/<str:session_id>/duplicates",
        datasets.DuplicatesView.as_view(),
        name="duplicates",
    ),
    path("datasets/<str:session_id>", datasets.DatasetView.as_view(), name="dataset"),
    path(
        "datasets/<str:session_id>/mapping",
        datasets.MappingView.as_view(),
        name="mapping",
    ),
    path(
        "datasets/<str:session_id>/problems",
        datasets.ProblemsView.as_view(),
        name="problems",
    ),
    path(
        "datasets/<str:session_id>/profile",
        datasets.ProfileView.as_view(),
        name="profile",
    ),
    path(
        "datasets/<str:session_id>/insights",
        datasets.InsightsView.as_view(),
        name="insights",
    ),
    path(
        "datasets/<str:session_id>/repairs",
        datasets.RepairsView.as_view(),
        name="repairs",
    ),
    path(
        "datasets/<str:session_id>/export",
        datasets.ExportView.as_view(),
        name="export",
    ),
    path("datasets/<str:session_id>/work", work.WorkListView.as_view(), name="work"),
    path(
        "datasets/<str:session_id>/work/<str:work_id>",
        work.WorkView.as_view(),
        name="work_item",
    ),
    path("recommend", recommender.RecommendView.as_view(), name="recommend"),
    path("recommend/explain", recommender.ExplainView.as_view(), name="explain"),
    path(
        "datasets/<str:session_id>/suggest",
        recommender.SuggestView.as_view(),
        name="suggest",
    ),
    path(
        "datasets/<str:session_id>/contexts",
        recommender.ContextsView.as_view(),
        name="contexts",
    ),
    path("models", recommender.ModelsView.as_view(), name="models"),
    path("models/<str:model_id>", recommender.ModelDetailView.as_view(), name="model"),
    path("plan", notebooks.PlanView.as_view(), name="plan"),
    path("generate", generate.GenerateView.as_view(), name="generate"),
    path("download/<str:filename>", notebooks.DownloadView.as_view(), name="download"),
    path("data/<str:token>", notebooks.DataView.as_view(), name="data"),
    path("jobs", jobs.JobsView.as_view(), name="jobs"),
    path("jobs/<str:job_id>", jobs.JobView.as_view(), name="job"),
    path(
        "jobs/<str:job_id>/training", training.TrainingView.as_view(), name="training"
    ),
    path(
        "jobs/<str:job_id>/training/secret",
        training.SecretView.as_view(),
        name="training_secret",
    ),
    path(
        "jobs/<str:job_id>/training/events",
        training.PointsView.as_view(),
        name="training_events",
    ),
    path(
        "jobs/<str:job_id>/training/stream",
        training.StreamView.as_view(),
        name="training_stream",
    ),
    path("training/events", training.ReportView.as_view(), name="report_training"),
]
