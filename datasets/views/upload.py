from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods

from datasets import services
from datasets.core.readers import formats
from datasets.forms import UploadForm
from datasets.pages.session import recent, remember
from datasets.samples import SAMPLES
from slmgen.errors import InvalidInput
from slmgen.http.view_limits import counted_as, takes_files


# The CSRF check reads the upload. It runs inside the view, where a file that is too
# large becomes a 413; in the middleware it would be a server error.
@takes_files
@counted_as("uploads")
@csrf_exempt
@csrf_protect
@require_http_methods(["GET", "HEAD", "POST"])
def start(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _start_page(request, UploadForm())
    form = UploadForm(request.POST, request.FILES)
    if not form.is_valid():
        return _start_page(request, form, HTTPStatus.BAD_REQUEST)
    try:
        dataset = services.upload_dataset(
            file=form.upload(), owner=request.user, mapping=form.mapping()
        )
    except InvalidInput as error:
        form.add_error(form.source, error.problems)
        return _start_page(request, form, HTTPStatus.BAD_REQUEST)
    remember(request.session, dataset)
    return redirect("page-data", dataset.id)


def _start_page(
    request: HttpRequest, form: UploadForm, status: HTTPStatus = HTTPStatus.OK
) -> HttpResponse:
    context = {
        "form": form,
        "samples": SAMPLES,
        "formats": formats.any_name(),
        "recent": recent(request.session, request.user),
        "max_bytes": settings.SLMGEN_MAX_UPLOAD_BYTES,
        "max_mb": settings.SLMGEN_MAX_UPLOAD_BYTES // 10**6,
    }
    return render(request, "datasets/start.html", context, status=status)
