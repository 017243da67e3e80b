from django.urls import path

from recommender import views

urlpatterns = [
    path("datasets/<uuid:dataset_id>/model/", views.model, name="page-model"),
]
