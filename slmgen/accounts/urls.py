from allauth.urls import build_provider_urlpatterns
from django.urls import include, path

from slmgen.accounts import views

urlpatterns = [
    path("", views.account, name="page-account"),
    path("tokens/", views.tokens, name="page-tokens"),
    path("tokens/<int:token_id>/revoke/", views.revoke_token, name="page-revoke-token"),
    path("export/", views.export_data, name="page-export-data"),
    path("delete/", views.delete, name="page-delete-account"),
    path("", include("allauth.account.urls")),
    path("connections/", include("allauth.socialaccount.urls")),
    *build_provider_urlpatterns(),
]
