import os
import warnings
from typing import cast

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "slmgen.settings")
# WhiteNoise reads static files whole, and they are small; large responses are streamed
# by slmgen.http.streaming.
warnings.filterwarnings("ignore", "StreamingHttpResponse must consume synchronous")
django_application = get_asgi_application()

# Settings must be loaded before slmgen.http.body_limits reads them.
from datasets.core.processes import bounded  # noqa: E402
from slmgen.http.body_limits import App, guard  # noqa: E402

bounded.prepare()
application = guard(cast("App", django_application))
