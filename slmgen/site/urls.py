from allauth.account.decorators import secure_admin_login
from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView

from slmgen.operations import status_page
from slmgen.operations.prometheus import metrics
from slmgen.site import help_pages
from slmgen.site.theme import choose_theme

pages: list[URLPattern | URLResolver] = [
    path("", include("datasets.urls")),
    path("", include("recommender.urls")),
    path("", include("notebooks.urls")),
    path("", include("jobs.urls")),
    path("account/", include("slmgen.accounts.urls")),
    path("theme/", choose_theme, name="page-theme"),
    path("docs/", help_pages.documents, name="page-docs"),
    path("docs/<slug:name>/", help_pages.document, name="page-doc"),
]
# Requested by browsers for pages that name no icon, such as the admin's.
icon = RedirectView.as_view(url=f"{settings.STATIC_URL}icon.svg")
docs = SpectacularSwaggerSplitView.as_view(
    url_name="schema",
    http_method_names=["get", "head"],  # its OPTIONS has no template
)

# One page signs in and one changes passwords, so that each has one limit on guessing.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
admin.site.password_change = RedirectView.as_view(  # type: ignore[method-assign, assignment]
    pattern_name="account_change_password"
)
admin.site.site_header = "SLMGEN support"

urlpatterns = [
    path("", include("slmgen.site.api_urls")),
    path("openapi.json", SpectacularJSONAPIView.as_view(), name="schema"),
    path("docs/api/", docs, name="docs"),
    path("app/", include(pages)),
    path("metrics", metrics, name="metrics"),
    path("favicon.ico", icon, name="favicon"),
    path("admin/status/", admin.site.admin_view(status_page.page), name="admin-status"),
    path("admin/", admin.site.urls),
]

handler400 = "slmgen.http.error_views.bad_request"
handler403 = "slmgen.http.error_views.forbidden"
handler429 = "slmgen.http.error_views.too_many_requests"
handler404 = "slmgen.http.error_views.not_found"
handler500 = "slmgen.http.error_views.server_error"
