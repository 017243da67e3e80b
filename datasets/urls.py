from django.urls import path

from datasets import views

urlpatterns = [
    path("", views.start, name="page-start"),
    path("datasets/<uuid:dataset_id>/", views.data, name="page-data"),
    path("datasets/<uuid:dataset_id>/problems/", views.problems, name="page-problems"),
    path("datasets/<uuid:dataset_id>/columns/", views.columns, name="page-columns"),
    path("datasets/<uuid:dataset_id>/work/", views.work_page, name="page-work"),
    path("datasets/<uuid:dataset_id>/closer/", views.closer, name="page-closer"),
]
