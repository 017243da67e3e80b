from django.urls import path

from jobs import views

urlpatterns = [
    path(
        "datasets/<uuid:dataset_id>/training/",
        views.TrainingView.as_view(),
        name="page-training",
    ),
    path("jobs/", views.history, name="page-jobs"),
    path("jobs/<uuid:job_id>/", views.job, name="page-job"),
]
