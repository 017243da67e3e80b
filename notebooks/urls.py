from django.urls import path

from datasets.views import rows
from notebooks import views

urlpatterns = [
    path("datasets/<uuid:dataset_id>/rows/<int:number>/", rows.row, name="page-row"),
    path("datasets/<uuid:dataset_id>/undo/", views.undo, name="page-undo"),
    path("datasets/<uuid:dataset_id>/notebook/", views.latest, name="page-latest"),
    path("notebooks/<uuid:notebook_id>/", views.notebook, name="page-notebook"),
    path(
        "notebooks/<uuid:notebook_id>/download/",
        views.download,
        name="page-notebook-download",
    ),
]
