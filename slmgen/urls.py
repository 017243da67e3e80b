from django.contrib import admin
from django.urls import include, path
from django.views.generic import TemplateView
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerView

urlpatterns = [
    path("", include("slmgen.api_urls")),
    path("openapi.json", SpectacularJSONAPIView.as_view(), name="schema"),
    path("docs/api/", SpectacularSwaggerView.as_view(url_name="schema"), name="docs"),
    path("app/", TemplateView.as_view(template_name="home.html"), name="home"),
    path("app/models/", include("recommender.urls")),
    path("admin/", admin.site.urls),
]

handler400 = "slmgen.views.bad_request"
handler403 = "slmgen.views.forbidden"
handler404 = "slmgen.views.not_found"
handler500 = "slmgen.views.server_error"
