from django.urls import path

from datasets.views import columns, data, fixes, rows, upload, versions, work

urlpatterns = [
    path("", upload.start, name="page-start"),
    path("datasets/<uuid:dataset_id>/", data.data, name="page-data"),
    path("datasets/<uuid:dataset_id>/problems/", data.problems, name="page-problems"),
    path("datasets/<uuid:dataset_id>/closer/", data.closer, name="page-closer"),
    path("datasets/<uuid:dataset_id>/export/", data.export, name="page-export"),
    path("datasets/<uuid:dataset_id>/rows/<int:number>/", rows.row, name="page-row"),
    path("datasets/<uuid:dataset_id>/columns/", columns.columns, name="page-columns"),
    path("datasets/<uuid:dataset_id>/repair/", fixes.repair, name="page-repair"),
    path("datasets/<uuid:dataset_id>/roles/", fixes.roles, name="page-roles"),
    path(
        "datasets/<uuid:dataset_id>/versions/", versions.versions, name="page-versions"
    ),
    path("datasets/<uuid:dataset_id>/undo/", versions.undo, name="page-undo"),
    path("datasets/<uuid:dataset_id>/work/", work.work_page, name="page-work"),
]
