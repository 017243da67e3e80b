from django.urls import path

from notebooks import row_views, views

urlpatterns = [
    path(
        "datasets/<uuid:dataset_id>/rows/<int:number>/", row_views.row, name="page-row"
    ),
    path("datasets/<uuid:dataset_id>/undo/", views.undo, name="page-undo"),
    path("datasets/<uuid:dataset_id>/notebook/", views.latest, name="page-latest"),
    path("notebooks/<uuid:notebook_id>/", views.notebook, name="page-notebook"),
    path(
        "notebooks/<uuid:notebook_id>/download/",
        views.download,
        name="page-notebook-download",
    ),
]
