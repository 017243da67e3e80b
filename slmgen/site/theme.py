"""Light or dark: the system's choice, or the user's, which is kept in a cookie."""

from django.http import HttpRequest, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

COOKIE = "slmgen_theme"
COOKIE_SECONDS = 365 * 86_400
THEMES = (("", "System"), ("light", "Light"), ("dark", "Dark"))


def theme_of(request: HttpRequest) -> str:
    chosen = request.COOKIES.get(COOKIE, "")
    return chosen if chosen in dict(THEMES) else ""


def theme_options(request: HttpRequest) -> dict[str, object]:
    """Template context: the theme in use, and the themes to choose from."""
    return {"theme": theme_of(request), "themes": THEMES}


@require_POST
def choose_theme(request: HttpRequest) -> HttpResponseRedirect:
    """Stores the choice and returns to the page it was made on."""
    target = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(target, {request.get_host()}):
        target = "/app/"
    response = HttpResponseRedirect(target)
    chosen = request.POST.get("theme", "")
    if chosen in dict(THEMES):
        response.set_cookie(
            COOKIE, chosen, COOKIE_SECONDS, samesite="Lax", secure=request.is_secure()
        )
    return response
