from django.urls import path

from jobs import job_views, live, views

urlpatterns = [
    path(
        "datasets/<uuid:dataset_id>/training/",
        views.TrainingView.as_view(),
        name="page-training",
    ),
    path(
        "datasets/<uuid:dataset_id>/compare/",
        views.CompareView.as_view(),
        name="page-compare",
    ),
    path("jobs/", views.jobs, name="page-jobs"),
    path("jobs/compare/", views.compare, name="page-jobs-compare"),
    path("jobs/<uuid:job_id>/", views.job, name="page-job"),
    path("jobs/<uuid:job_id>/live/", live.live, name="page-job-live"),
    path("jobs/<uuid:job_id>/clone/", job_views.clone, name="page-job-clone"),
    path("jobs/<uuid:job_id>/secret/", job_views.secret, name="page-job-secret"),
    path("jobs/<uuid:job_id>/secret/revoke/", job_views.revoke, name="page-job-revoke"),
    path("jobs/<uuid:job_id>/losses.csv", job_views.losses, name="page-job-losses"),
    path("jobs/<uuid:job_id>/delete/", job_views.delete, name="page-job-delete"),
]
