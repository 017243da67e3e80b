from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import ScopedRateThrottle
from rest_framework.views import APIView

from slmgen.http.serializers import ErrorSerializer as ERROR
from slmgen.identity import serializers, services


class TokenView(APIView):
    """Trades the username and password of a local account for a short-lived token."""

    throttle_classes = (ScopedRateThrottle,)
    throttle_scope = "token"

    @extend_schema(
        operation_id="token",
        tags=["identity"],
        request=serializers.CredentialsSerializer,
        responses={
            200: serializers.TokenSerializer,
            **dict.fromkeys((400, 401, 404, 429), ERROR),
        },
    )
    def post(self, request: Request) -> Response:
        sent = serializers.CredentialsSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        token = services.token_for(**sent.validated_data)
        return Response(
            {
                "access_token": token,
                "token_type": "bearer",
                "expires_in": services.token_seconds(),
            }
        )
