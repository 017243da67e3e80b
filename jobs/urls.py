from django.urls import path

from jobs.views import actions, live, pages, training

urlpatterns = [
    path(
        "datasets/<uuid:dataset_id>/training/",
        training.TrainingPageView.as_view(),
        name="page-training",
    ),
    path(
        "datasets/<uuid:dataset_id>/compare/",
        training.compare_models,
        name="page-compare",
    ),
    path("jobs/", pages.jobs, name="page-jobs"),
    path("jobs/compare/", pages.compare, name="page-jobs-compare"),
    path("jobs/<uuid:job_id>/", pages.job, name="page-job"),
    path("jobs/<uuid:job_id>/live/", live.live, name="page-job-live"),
    path("jobs/<uuid:job_id>/clone/", actions.clone, name="page-job-clone"),
    path("jobs/<uuid:job_id>/secret/", actions.secret, name="page-job-secret"),
    path("jobs/<uuid:job_id>/secret/revoke/", actions.revoke, name="page-job-revoke"),
    path("jobs/<uuid:job_id>/losses.csv", actions.losses, name="page-job-losses"),
    path("jobs/<uuid:job_id>/delete/", actions.delete, name="page-job-delete"),
]
