import os
from typing import cast

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "slmgen.settings")
django_application = get_asgi_application()

# Settings must be loaded before the guard reads them.
from slmgen.guard import App, guard  # noqa: E402

application = guard(cast("App", django_application))
