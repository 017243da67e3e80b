from django.urls import path

from recommender import views

urlpatterns = [
    path("datasets/<uuid:dataset_id>/model/", views.model, name="page-model"),
    path("models/", views.models_page, name="models_page"),
    path("models/<str:model_id>/", views.model_page, name="model_page"),
]
