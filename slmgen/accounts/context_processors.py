from django.conf import settings
from django.http import HttpRequest


def account_options(request: HttpRequest) -> dict[str, object]:
    """Template context: what this server offers to people without an account."""
    return {
        "signup_is_open": settings.SLMGEN_SIGNUP,
        "mail_is_sent": bool(settings.EMAIL_HOST),
    }
