from django.urls import path

from datasets.views import fixes, upload

urlpatterns = [
    path("", upload.start, name="page-start"),
    path("datasets/<uuid:dataset_id>/problems/", upload.problems, name="page-problems"),
    path("datasets/<uuid:dataset_id>/columns/", upload.columns, name="page-columns"),
    path("datasets/<uuid:dataset_id>/work/", upload.work_page, name="page-work"),
    path("datasets/<uuid:dataset_id>/closer/", upload.closer, name="page-closer"),
    path("datasets/<uuid:dataset_id>/repair/", fixes.repair, name="page-repair"),
    path("datasets/<uuid:dataset_id>/roles/", fixes.roles, name="page-roles"),
    path(
        "datasets/<uuid:dataset_id>/versions/",
        fixes.versions,
        name="page-versions",
    ),
    path("datasets/<uuid:dataset_id>/export/", fixes.export, name="page-export"),
]
