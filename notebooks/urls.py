from django.urls import path

from notebooks import views

urlpatterns = [
    path("datasets/<uuid:dataset_id>/notebook/", views.latest, name="page-latest"),
    path("notebooks/<uuid:notebook_id>/", views.notebook, name="page-notebook"),
    path(
        "notebooks/<uuid:notebook_id>/download/",
        views.download,
        name="page-notebook-download",
    ),
]
