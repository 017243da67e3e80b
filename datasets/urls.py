from django.urls import path

from datasets import repair_views, views

urlpatterns = [
    path("", views.start, name="page-start"),
    path("datasets/<uuid:dataset_id>/problems/", views.problems, name="page-problems"),
    path("datasets/<uuid:dataset_id>/columns/", views.columns, name="page-columns"),
    path("datasets/<uuid:dataset_id>/work/", views.work_page, name="page-work"),
    path("datasets/<uuid:dataset_id>/closer/", views.closer, name="page-closer"),
    path("datasets/<uuid:dataset_id>/repair/", repair_views.repair, name="page-repair"),
    path("datasets/<uuid:dataset_id>/roles/", repair_views.roles, name="page-roles"),
    path(
        "datasets/<uuid:dataset_id>/versions/",
        repair_views.versions,
        name="page-versions",
    ),
    path("datasets/<uuid:dataset_id>/export/", repair_views.export, name="page-export"),
]
