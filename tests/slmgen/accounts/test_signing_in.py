import re

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client

from tests.slmgen.accounts.people import PASSWORD, sign_in, sign_up

pytestmark = pytest.mark.django_db

RESET = "/app/account/password/reset/"


def signed_in_as(client):
    return client.get("/app/account/").context["user"].username


def test_who_signs_up_is_signed_in_and_sent_a_letter(client):
    answer = sign_up(client)

    assert (answer.status_code, answer["Location"]) == (302, "/app/")
    assert signed_in_as(client) == "ada"
    assert mail.outbox[0].to == ["ada@example.org"]


def test_an_account_needs_no_address(client):
    sign_up(client, email="")

    assert signed_in_as(client) == "ada"
    assert mail.outbox == []


def test_faults_of_a_form_stand_beside_their_fields(client, owner):
    page = sign_up(client, username="owner", password2="x").content.decode()

    assert 'id="id_username_error">A user with that username already exists.' in page
    assert 'id="id_password2_error">You must type the same password' in page
    assert User.objects.count() == 1


def test_names_kept_for_tokens_are_taken(client):
    page = sign_up(client, username="sb_5f0c").content.decode()

    assert "Names that begin with sb_ are kept for tokens" in page
    assert User.objects.count() == 0


@pytest.mark.parametrize(
    "name",
    [
        "\u0430da",
        "adm\u0456n",
        "ad\u200ba",
        "\uff41da",
        "a da",
        "ada@example.org",
        "-ada",
    ],
)
def test_a_name_that_looks_like_another_is_refused(client, name):
    page = sign_up(client, username=name).content.decode()

    assert "id_username_error" in page
    assert User.objects.count() == 0


@pytest.mark.parametrize("name", ["OWNER", "Owner"])
def test_a_name_in_other_case_is_taken(client, owner, name):
    page = sign_up(client, username=name).content.decode()

    assert "A user with that username already exists." in page
    assert User.objects.count() == 1


def test_a_name_from_before_the_rule_still_signs_in(client, django_user_model):
    django_user_model.objects.create_user("j\u00fcrgen@home", password=PASSWORD)

    sign_in(client, "j\u00fcrgen@home", PASSWORD)

    assert signed_in_as(client) == "j\u00fcrgen@home"


def test_sign_up_can_be_closed(client, settings):
    settings.SLMGEN_SIGNUP = False

    page = sign_up(client).content.decode()

    assert "This server takes no new accounts" in page
    assert User.objects.count() == 0
    login = client.get("/app/account/login/").content.decode()
    assert "Make an account" not in login


@pytest.mark.parametrize("login", ["owner", "owner@example.org"])
def test_name_and_address_sign_in(client, owner, login):
    owner.email = "owner@example.org"
    owner.save()

    sign_in(client, login)

    assert signed_in_as(client) == "owner"


def test_a_wrong_password_and_an_unknown_name_are_answered_alike(client, owner):
    answers = [
        re.findall(r'role="alert">([^<]+)', sign_in(client, *who).content.decode())
        for who in [("owner", "wrong"), ("nobody", "wrong"), ("a@b.example", "wrong")]
    ]

    assert len(answers[0]) == 1
    assert answers[0] == answers[1]
    assert "password you specified are not correct" in answers[2][0]


def test_a_switched_off_account_is_told_so(client, owner):
    owner.is_active = False
    owner.save()

    answer = sign_in(client)

    assert answer["Location"] == "/app/account/inactive/"
    page = client.get(answer["Location"]).content.decode()
    assert "This account is switched off" in page


def test_signing_out_takes_a_form(client, member):
    assert "Stay signed in" in client.get("/app/account/logout/").content.decode()
    assert signed_in_as(client) == "owner"

    answer = client.post("/app/account/logout/")

    assert answer["Location"] == "/app/"
    assert client.get("/app/account/").status_code == 302


def test_jobs_lead_to_the_sign_in_page_and_back(client, owner):
    away = client.get("/app/jobs/?page=2")["Location"]
    assert away == "/app/account/login/?next=/app/jobs/%3Fpage%3D2"
    assert 'name="next" value="/app/jobs/?page=2"' in client.get(away).content.decode()

    assert sign_in(client, to="/app/jobs/?page=2")["Location"] == "/app/jobs/?page=2"


ELSEWHERE = [
    "https://evil.example/",
    "//evil.example",
    "http:///evil.example",
    "/\\evil.example",
    "javascript:alert(1)",
    "https://testserver@evil.example/",
    "http://other.example/",
]


@pytest.mark.parametrize("target", ELSEWHERE)
def test_signing_in_leads_nowhere_else(client, owner, settings, target):
    settings.ALLOWED_HOSTS = ["testserver", "other.example"]
    settings.CSRF_TRUSTED_ORIGINS = ["http://other.example"]

    assert sign_in(client, to=target)["Location"] == "/app/"


@pytest.mark.parametrize("target", ELSEWHERE)
def test_signing_out_leads_nowhere_else(client, member, target):
    assert client.post("/app/account/logout/", {"next": target})["Location"] == "/app/"


def test_the_admin_signs_in_by_the_same_page(client, admin_user):
    away = client.get("/admin/jobs/job/", follow=True).redirect_chain[-1][0]
    assert away == "/app/account/login/?next=%2Fadmin%2Fjobs%2Fjob%2F"

    answer = sign_in(client, "admin", "password", to="/admin/jobs/job/")

    assert client.get(answer["Location"]).status_code == 200


def reset_link(letter):
    return re.search(r"http://testserver(\S+)", letter.body)[1]


def test_a_forgotten_password_is_reset_by_letter(client, owner):
    owner.email = "owner@example.org"
    owner.save()
    answer = client.post(RESET, {"email": "owner@example.org"}, follow=True)
    assert "If an account has this address" in answer.content.decode()

    form = client.get(reset_link(mail.outbox[0]), follow=True)
    new = {"password1": PASSWORD, "password2": PASSWORD}
    done = client.post(form.request["PATH_INFO"], new, follow=True)

    assert "Your new password is kept" in done.content.decode()
    sign_in(client, password=PASSWORD)
    assert signed_in_as(client) == "owner"
    again = Client().get(reset_link(mail.outbox[0]), follow=True).content.decode()
    assert "This link does not work any more" in again


def test_nobody_learns_whether_an_address_has_an_account(client, owner):
    owner.email = "owner@example.org"
    owner.save()

    known, unknown = (
        client.post(RESET, {"email": address}, follow=True)
        for address in ("owner@example.org", "nobody@example.org")
    )

    assert known.redirect_chain == unknown.redirect_chain
    assert without_tokens(known) == without_tokens(unknown)
    assert [letter.to[0] for letter in mail.outbox] == [
        "owner@example.org",
        "nobody@example.org",
    ]


def test_sign_up_does_not_tell_either(client, owner):
    owner.email = "owner@example.org"
    owner.save()

    answer = sign_up(client, email="owner@example.org")

    assert (answer.status_code, answer["Location"]) == (302, "/app/")
    assert signed_in_as(client) == "ada"


def without_tokens(answer):
    return re.sub(r'csrfmiddlewaretoken" value="\w+"', "", answer.content.decode())


def test_a_server_without_e_mail_says_so_and_writes_files(client, owner, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    owner.email = "owner@example.org"
    owner.save()

    page = client.post(RESET, {"email": owner.email}, follow=True).content.decode()

    assert "This server sends no e-mail" in page
    (letter,) = settings.EMAIL_FILE_PATH.iterdir()
    assert "/app/account/password/reset/key/" in letter.read_text(encoding="utf-8")


@pytest.fixture
def dead_mail_server(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9


def test_a_letter_that_cannot_be_sent_is_503(client, dead_mail_server):
    answer = client.post(RESET, {"email": "nobody@example.org"})

    assert answer.status_code == 503
    assert "The e-mail could not be sent" in answer.content.decode()


def test_signing_up_works_without_its_letter(client, dead_mail_server):
    sign_up(client)

    assert signed_in_as(client) == "ada"


def test_an_address_is_confirmed_by_its_letter(client):
    sign_up(client)
    link = reset_link(mail.outbox[0])

    assert "is the address of the account" in client.get(link).content.decode()
    client.post(link)

    assert ">confirmed<" in client.get("/app/account/email/").content.decode()
    bad = client.get("/app/account/confirm-email/x/").content.decode()
    assert "This link does not work any more" in bad


def test_a_password_is_changed_by_who_knows_it(client, member):
    new = {"password1": "another-good-one", "password2": "another-good-one"}
    wrong = client.post(
        "/app/account/password/change/", {"oldpassword": "x", **new}
    ).content.decode()
    assert "id_oldpassword_error" in wrong

    answer = client.post(
        "/app/account/password/change/", {"oldpassword": PASSWORD, **new}
    )

    assert answer["Location"] == "/app/account/"
    member.refresh_from_db()
    assert member.check_password("another-good-one")


def test_guessing_passwords_is_slowed_down(client, owner):
    for _ in range(6):
        page = sign_in(client, password="wrong").content.decode()

    assert "Too many wrong passwords for this account" in page
    sign_in(client)
    assert client.get("/app/account/").status_code == 302


def test_asking_for_letters_is_slowed_down(client):
    for _ in range(6):
        answer = client.post(RESET, {"email": "nobody@example.org"})

    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0
    assert "tried too often" in answer.content.decode()
    assert len(mail.outbox) == 5


def test_a_forged_client_address_does_not_help(client):
    answers = [
        client.post(
            "/app/account/signup/", {}, HTTP_X_FORWARDED_FOR=f"10.0.0.{n}"
        ).status_code
        for n in range(21)
    ]

    assert answers[-1] == 429


FORMS = [
    ("login/", {}), ("signup/", {}), ("logout/", {}), ("password/reset/", {}),
    ("password/change/", {}), ("email/", {}), ("tokens/", {}), ("delete/", {}),
    ("tokens/1/revoke/", {}), ("connections/", {}), ("reauthenticate/", {}),
]  # fmt: skip


@pytest.mark.parametrize(("path", "body"), FORMS)
def test_no_form_is_taken_without_its_token(owner, path, body):
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)

    answer = client.post(f"/app/account/{path}", body)

    assert answer.status_code == 403
    assert "This form has expired" in answer.content.decode()
    assert User.objects.filter(pk=owner.pk).exists()
