"""No page is forgotten in the pictures: the URL table is compared with their scenes."""

import uuid
from urllib.parse import urlsplit

from django.contrib import admin
from django.urls import resolve

from slmgen.site.help_pages import DOCUMENTS
from tests.browser.scenes import Scene, scenes_on
from tests.browser.stage import Places
from tests.test_every_route import PAGES

LEFT_OUT = {
    # For programs, and by browsers themselves.
    "schema", "metrics", "favicon",
    # They answer with a file.
    "page-export", "page-export-data", "page-job-losses",
    "page-notebook-download",
    # They lead to another page, or renew a part of one.
    "page-latest", "page-job-clone", "page-job-live",
    # Another server would have to say who somebody is; nobody signs in by a code.
    "socialaccount_signup", "account_confirm_login_code",
}  # fmt: skip


def scenes() -> list[Scene]:
    """As on a stage where every kind of record has one."""
    key = uuid.UUID(int=1)
    datasets = ("data", "tools", "table", "version", "counting")
    jobs = ("done", "other", "running", "failed", "waiting")
    return scenes_on(
        Places(
            **dict.fromkeys(datasets, f"/app/datasets/{key}/"),
            **dict.fromkeys(jobs, f"/app/jobs/{key}/"),
            notebook=f"/app/notebooks/{key}/",
            confirmation="/app/account/confirm-email/key/",
            reset="/app/account/password/reset/key/1-key/",
            records={model: f"/admin/{model}/{key}/change/" for model in supported()},
        )
    )


def supported() -> set[str]:
    return {f"{m._meta.app_label}/{m._meta.model_name}" for m in admin.site._registry}


def paths() -> set[str]:
    return {urlsplit(each.path).path for each in scenes() if each.status != 404}


def test_every_page_is_in_a_picture():
    pages = {name for name, method, *_ in PAGES if method == "GET"}

    shown = {resolve(path).view_name for path in paths()}

    assert pages - LEFT_OUT - shown == set()
    assert LEFT_OUT & shown == set()


def test_every_document_is_in_a_picture():
    documents = {f"/app/docs/{each.name}/" for each in DOCUMENTS}

    assert documents - paths() == set()


def test_every_kind_of_record_is_in_a_picture_as_a_list():
    assert {f"/admin/{model}/" for model in supported()} - paths() == set()
