"""The least that DRF can do: one view that answers a constant. To compare with."""

from typing import Any

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.urls import path

settings.configure(
    ALLOWED_HOSTS=["*"],
    INSTALLED_APPS=["rest_framework"],
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": [],
        "DEFAULT_PERMISSION_CLASSES": [],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "UNAUTHENTICATED_USER": None,
    },
    ROOT_URLCONF=__name__,
    SECRET_KEY="bare",
)
application = get_asgi_application()

from rest_framework.response import Response
from rest_framework.views import APIView


class Bare(APIView):
    def get(self, request: Any) -> Response:
        return Response({"status": "ok"})


urlpatterns = [path("bare", Bare.as_view())]
