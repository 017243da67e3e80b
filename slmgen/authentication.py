import logging

from django.contrib.auth.models import User
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from slmgen.errors import Unauthorized
from slmgen.identity import services, tokens

logger = logging.getLogger("slmgen.authentication")


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer <token>` and nothing else; what is not valid is 401."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        header = request.META.get("HTTP_AUTHORIZATION")
        if header is None:
            return None
        try:
            return services.user_for(tokens.verify(_token(header))), None
        except tokens.Refusal as refusal:
            logger.info("a token was refused: %s", refusal)
            raise AuthenticationFailed(tokens.REFUSED) from None
        except Unauthorized as error:
            raise AuthenticationFailed(error.detail) from None

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="slmgen"'


def _token(header: str) -> str:
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise tokens.Refusal("no bearer token")
    if len(token) > tokens.MAX_TOKEN_BYTES or not token.isascii() or " " in token:
        raise tokens.Refusal("no token at all")
    return token


class BearerScheme(OpenApiAuthenticationExtension):
    target_class = BearerAuthentication
    name = "bearerAuth"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
