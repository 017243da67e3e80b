"""Every route there is, walked from the URL table: a new one without a row fails here.

The API's rows are those of `test_access`; this adds staff to them, the pages and the
admin. A page knows people by their session; a bearer token, good or bad, opens none.
"""

import re
import uuid

import pytest
from django.conf import settings
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from jobs.models import Job
from notebooks.services import generate_notebook
from recommender.services import catalog
from slmgen.identity.api_tokens import create_token
from slmgen.identity.services import token_for
from tests.factories import make_dataset
from tests.test_access import MATRIX, answer_to

pytestmark = pytest.mark.django_db

WHO = ("nobody", "owner", "stranger", "staff", "bad token")


def row(nobody, owner, others):
    return {
        "nobody": nobody,
        "owner": owner,
        "stranger": others,
        "staff": others,
        "bad token": nobody,
    }


OPEN = row(200, 200, 200)
OWNED = row(404, 200, 404)
LED_ON = row(404, 302, 404)
PRIVATE = row(302, 200, 404)
HISTORY = row(302, 200, 200)
# An object storage sends its files itself.
FILE = {**OWNED, "owner": 302} if settings.SLMGEN_STORAGE == "s3" else OWNED

PAGES = [
    ("page-start", "GET", {}, OPEN),
    ("page-start", "POST", {"sample": "support"}, row(302, 302, 302)),
    ("page-theme", "POST", {"theme": "dark"}, row(302, 302, 302)),
    ("page-data", "GET", {}, OWNED),
    ("page-problems", "GET", {}, OWNED),
    ("page-columns", "GET", {}, OWNED),
    ("page-columns", "POST", {"keep": "1", "messages": "messages"}, LED_ON),
    ("page-closer", "GET", {}, OWNED),
    ("page-work", "GET", {}, OWNED),
    ("page-repair", "GET", {}, LED_ON),
    ("page-repair", "POST", {}, {**OWNED, "owner": 400}),  # nothing was chosen
    ("page-roles", "GET", {}, OWNED),
    ("page-versions", "GET", {}, OWNED),
    ("page-export", "GET", {}, OWNED),
    ("page-row", "GET", {}, OWNED),
    ("page-undo", "POST", {}, {**OWNED, "owner": 409}),  # a first version
    ("page-docs", "GET", {}, OPEN),
    ("page-doc", "GET", {}, OPEN),
    ("page-model", "GET", {}, OWNED),
    ("models_page", "GET", {}, OPEN),
    ("model_page", "GET", {}, OPEN),
    ("page-training", "GET", {}, OWNED),
    ("page-training", "POST", {}, LED_ON),
    ("page-latest", "GET", {}, LED_ON),
    ("page-compare", "POST", {"model": ["qwen3-0.6b", "gemma-3-1b"]}, LED_ON),
    ("page-notebook", "GET", {}, OWNED),
    ("page-notebook-download", "GET", {}, FILE),
    ("page-jobs", "GET", {}, HISTORY),
    ("page-job", "GET", {}, PRIVATE),
    ("page-job", "POST", {"status": "running"}, {**PRIVATE, "owner": 302}),
    ("page-jobs-compare", "GET", {}, row(302, 400, 400)),  # no job was named
    ("page-job-live", "GET", {}, row(302, 302, 302)),  # to the page, without htmx
    ("page-job-clone", "GET", {}, {**PRIVATE, "owner": 302}),
    ("page-job-secret", "POST", {}, PRIVATE),
    ("page-job-revoke", "POST", {}, {**PRIVATE, "owner": 302}),
    ("page-job-losses", "GET", {}, PRIVATE),
    ("page-job-delete", "GET", {}, PRIVATE),
    ("page-job-delete", "POST", {}, {**PRIVATE, "owner": 302}),
    ("admin-status", "GET", {}, {**row(302, 302, 302), "staff": 404}),
    ("schema", "GET", {}, {**OPEN, "bad token": 401}),
    ("docs", "GET", {}, {**OPEN, "bad token": 401}),
    ("favicon", "GET", {}, row(302, 302, 302)),
    ("metrics", "GET", {}, row(404, 404, 404)),
]
# Pages about whoever looks: everybody who is signed in sees their own.
SIGNED_IN = row(302, 200, 200)
SIGNED_OUT = row(200, 302, 302)
ACCOUNT = {
    "page-account": SIGNED_IN,
    "page-tokens": SIGNED_IN,
    "page-export-data": SIGNED_IN,
    "page-delete-account": SIGNED_IN,
    "account_login": SIGNED_OUT,
    "account_signup": SIGNED_OUT,
    "account_logout": SIGNED_IN,
    "account_inactive": OPEN,
    "account_reauthenticate": SIGNED_IN,
    "account_email": SIGNED_IN,
    "account_email_verification_sent": OPEN,
    "account_confirm_email": OPEN,
    "account_change_password": SIGNED_IN,
    "account_set_password": row(302, 302, 302),
    "account_reset_password": OPEN,
    "account_reset_password_done": OPEN,
    "account_reset_password_from_key": OPEN,
    "account_reset_password_from_key_done": OPEN,
    "account_confirm_login_code": row(302, 302, 302),
    "socialaccount_login_cancelled": OPEN,
    "socialaccount_login_error": row(401, 401, 401),
    "socialaccount_signup": row(302, 302, 302),
    "socialaccount_connections": SIGNED_IN,
}
PAGES += [(name, "GET", {}, expected) for name, expected in ACCOUNT.items()]
PAGES.append(
    ("page-revoke-token", "POST", {}, {**LED_ON, "nobody": 302, "bad token": 302})
)


def routes(patterns=None, namespace=""):
    """Name and pattern of each route, those of included tables too."""
    for part in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(part, URLResolver):
            inner = f"{part.namespace}:" if part.namespace else ""
            yield from routes(part.url_patterns, namespace + inner)
        elif isinstance(part, URLPattern):
            yield f"{namespace}{part.name}", part.pattern


@pytest.fixture
def staff(django_user_model):
    return django_user_model.objects.create_user(
        "staff", password="staff-password", is_staff=True
    )


@pytest.fixture
def browse(client, owner, stranger, staff):
    """Sends a request as somebody; gives the response."""
    people = {"owner": owner, "stranger": stranger, "staff": staff}

    def send(who, method, address, form=None):
        headers = {"HTTP_AUTHORIZATION": "Bearer bad"} if who == "bad token" else {}
        client.logout()
        if who in people:
            client.force_login(people[who])
        return client.generic(
            method, address, _encoded(form or {}),
            "application/x-www-form-urlencoded", **headers,
        )  # fmt: skip

    return send


def _encoded(form):
    pairs = [
        (name, value)
        for name, values in form.items()
        for value in (values if isinstance(values, list) else [values])
    ]
    return "&".join(f"{name}={value}" for name, value in pairs)


@pytest.fixture
def arguments(owner):
    """What stands in the addresses: ids of the owner's things."""
    dataset = make_dataset(owner=owner)
    model = catalog().get("qwen3-0.6b")
    notebook = generate_notebook(dataset, models=[model], training_config=None)
    job = Job.objects.create(owner=owner, dataset=dataset, notebook=notebook)
    return {
        "dataset_id": dataset.id,
        "notebook_id": notebook.id,
        "job_id": job.id,
        "model_id": "qwen3-0.6b",
        "number": 1,
        "name": "score",
        "token_id": create_token(user=owner, name="t", scope="read", days=7)[0].pk,
        "uidb36": "1",
        "key": "no-key",
    }


def address_of(name, arguments):
    pattern = dict(routes())[name]
    return reverse(name, kwargs={key: arguments[key] for key in _keys(pattern)})


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page[0]}-{page[1]}")
def test_pages(browse, arguments, page, who):
    name, method, form, expected = page

    response = browse(who, method, address_of(name, arguments), form)

    response.close()
    assert response.status_code == expected[who]


def test_every_route_has_a_row():
    names = {name for name, _ in routes() if not name.startswith("admin:")}

    assert names == {row[0] for row in MATRIX} | {page[0] for page in PAGES}


@pytest.mark.parametrize("api", MATRIX, ids=lambda api: f"{api[0]}-{api[1]}")
def test_staff_see_no_more_by_the_api_than_a_stranger(client, owner, staff, api):
    expected = api[-1]["stranger"]
    token = token_for(username="staff", password="staff-password")
    headers = {"HTTP_AUTHORIZATION": f"Bearer {token}"}

    assert answer_to(client, owner, api, headers).status_code == expected


@pytest.mark.parametrize("who", WHO)
def test_the_live_part_of_a_job_is_its_owner_s(client, browse, arguments, who):
    client.defaults["HTTP_HX_REQUEST"] = "true"

    response = browse(who, "GET", address_of("page-job-live", arguments))

    # Everybody else has their page loaded again, which then says what it says.
    assert (response.content != b"") == (who == "owner")
    assert ("HX-Refresh" in response) == (who != "owner")


OF_SOMEBODY = [page for page in PAGES if page[3]["stranger"] == 404] + [
    page for page in PAGES if page[0] == "page-job-live"
]


@pytest.mark.parametrize("who", ["stranger", "staff"])
@pytest.mark.parametrize("page", OF_SOMEBODY, ids=lambda page: f"{page[0]}-{page[1]}")
def test_pages_answer_foreign_and_unknown_ids_alike(browse, arguments, page, who):
    name, method, form, _ = page
    ids = ("dataset_id", "notebook_id", "job_id")
    unknown = {**arguments, **{key: uuid.uuid4() for key in ids}, "token_id": 10**6}

    foreign, missing = (
        _without_tokens(browse(who, method, address_of(name, values), form))
        for values in (arguments, unknown)
    )

    assert foreign == missing


POSTED = [page for page in PAGES if page[1] == "POST"]


@pytest.mark.parametrize("page", POSTED, ids=lambda page: page[0])
def test_no_form_is_taken_without_its_token(owner, arguments, page):
    """A form on another site sends the session along, and cannot know the token."""
    name, _, form, _ = page
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)

    assert client.post(address_of(name, arguments), form).status_code == 403


def _without_tokens(response):
    text = response.text.replace(response.wsgi_request.path, "ADDRESS")
    text = re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"', "", text)
    return response.status_code, text


ADMIN = sorted(
    {name for name, _ in routes() if name.startswith("admin:")} - {"admin:None"}
)
ADMIN_OPEN = {"admin:login"}


@pytest.mark.parametrize("who", ["nobody", "owner", "bad token"])
@pytest.mark.parametrize("name", sorted(set(ADMIN) - ADMIN_OPEN))
def test_the_admin_sends_everybody_else_to_its_login(browse, name, who):
    response = browse(who, "GET", _admin_address(name))

    assert response.status_code in {302, 405}
    if response.status_code == 302:
        # The sign-out alone leads those who were never in to its front page.
        assert response["Location"].startswith("/admin/")


@pytest.mark.parametrize("name", [name for name in ADMIN if "change" in name])
def test_staff_without_permissions_see_no_rows(browse, name):
    if name in {"admin:password_change", "admin:password_change_done"}:
        return

    assert browse("staff", "GET", _admin_address(name)).status_code in {302, 404}


def _admin_address(name):
    pattern = dict(routes())[name]
    known = {"app_label": "datasets", "dataset_id": uuid.uuid4()}
    values = {key: known.get(key, 1) for key in _keys(pattern)}
    return reverse(name, kwargs=values) if values else reverse(name)


def _keys(pattern):
    groups = getattr(pattern, "regex", re.compile("")).groupindex
    return set(pattern.converters) | set(groups)
