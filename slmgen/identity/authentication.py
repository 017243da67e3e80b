import logging
from typing import Any

from django.contrib.auth.models import User
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from slmgen.errors import Unauthorized
from slmgen.http import bearer
from slmgen.identity import api_tokens, services, tokens
from slmgen.identity.models import ApiToken

logger = logging.getLogger("slmgen.identity.authentication")


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer <token>` and nothing else; what is not valid is 401."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken | None] | None:
        header = request.META.get("HTTP_AUTHORIZATION")
        if header is None:
            return None
        try:
            token = _token(header)
            if token.startswith(api_tokens.PREFIX):
                return api_tokens.holder_of(token, method=str(request.method))
            return services.user_for(tokens.verify(token)), None
        except tokens.Refusal as refusal:
            logger.info("a token was refused: %s", refusal)
            raise AuthenticationFailed(tokens.REFUSED) from None
        except Unauthorized as error:
            raise AuthenticationFailed(error.detail) from None

    def authenticate_header(self, request: Request) -> str:
        return bearer.CHALLENGE


def _token(header: str) -> str:
    token = bearer.token_in(header)
    if not token:
        raise tokens.Refusal("no bearer token")
    if len(token) > tokens.MAX_TOKEN_BYTES or not token.isascii() or " " in token:
        raise tokens.Refusal("no token at all")
    return token


class BearerScheme(OpenApiAuthenticationExtension):
    target_class = BearerAuthentication
    name = "bearerAuth"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT or slm_pat_…",
            "description": (
                "A token of Supabase, one from POST /auth/token, or an API token from "
                "your account page (it begins with slm_pat_). One that may only read "
                "is answered 403 to every method but GET."
            ),
        }


def name_scope_refusals(
    result: dict[str, Any], generator: object, request: object, public: bool
) -> dict[str, Any]:
    """For drf-spectacular: every endpoint that writes may answer 403."""
    refusal = {
        "description": "The API token may only read.",
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/Error"}}
        },
    }
    for operations in result["paths"].values():
        for method, operation in operations.items():
            if method != "get" and any(operation.get("security", [])):
                operation["responses"].setdefault("403", refusal)
    return result
