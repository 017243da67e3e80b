from django.urls import path

from recommender import views

urlpatterns = [
    path("", views.models_page, name="models_page"),
    path("<str:model_id>/", views.model_page, name="model_page"),
]
