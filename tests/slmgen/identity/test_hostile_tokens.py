import hashlib
import hmac
import time

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from slmgen.identity.models import Identity
from tests.slmgen.identity.conftest import (
    ISSUER,
    SUBJECT,
    KeyServer,
    claims,
    forge,
    sign,
)

pytestmark = pytest.mark.django_db


class WhoView(APIView):
    def get(self, request: Request) -> Response:
        return Response({"user": str(request.user)})


def ask(token=None, header=None):
    value = header if header is not None else f"Bearer {token}"
    request = APIRequestFactory().get("/", HTTP_AUTHORIZATION=value)
    return WhoView.as_view()(request)


def assert_refused(response):
    assert response.status_code == 401
    assert response.data["detail"] == "Invalid or expired token."
    assert response["WWW-Authenticate"] == 'Bearer realm="slmgen"'
    assert Identity.objects.count() == 0


def test_an_elliptic_curve_token_is_accepted(key_server, ec_key):
    assert ask(sign(ec_key)).data == {"user": f"sb_{SUBJECT.replace('-', '')}"}


def test_an_rsa_token_is_accepted(key_server, rsa_key):
    assert ask(sign(rsa_key, "rsa", "RS256")).status_code == 200


def test_the_audience_may_be_a_list(key_server, ec_key):
    assert ask(sign(ec_key, aud=["other", "authenticated"])).status_code == 200


def test_the_scheme_is_case_insensitive(key_server, ec_key):
    assert ask(header=f"bEARER {sign(ec_key)}").status_code == 200


BAD_CLAIMS = {
    "another audience": {"aud": "project-client"},
    "an ID token of the same issuer": {"aud": "5f0c", "nonce": "x"},
    "no audience": {"aud": None},
    "another issuer": {"iss": "https://evil.example/auth/v1"},
    "no issuer": {"iss": None},
    "expired": {"exp": int(time.time()) - 3600},
    "expired long ago": {"exp": 1},
    "a negative expiry": {"exp": -1},
    "not yet valid": {"nbf": int(time.time()) + 3600},
    "issued in the future": {"iat": int(time.time()) + 3600},
    "no expiry": {"exp": None},
    "no subject": {"sub": None},
    "no issue time": {"iat": None},
    "a subject that is no UUID": {"sub": "admin"},
    "a subject in capitals": {"sub": SUBJECT.upper()},
    "a subject without dashes": {"sub": SUBJECT.replace("-", "")},
    "the service role": {"role": "service_role"},
    "the anonymous key": {"role": "anon", "sub": None, "aud": None, "ref": "abc"},
    "no role": {"role": None},
    "a role list": {"role": ["authenticated"]},
}


@pytest.mark.parametrize("name", BAD_CLAIMS)
def test_a_signed_token_with_bad_claims_is_refused(key_server, ec_key, name):
    assert_refused(ask(sign(ec_key, **BAD_CLAIMS[name])))


@pytest.mark.parametrize("name", ["none", "None", "NONE", "nOnE", ""])
def test_a_token_without_signature_is_refused(key_server, name):
    assert_refused(ask(forge({"alg": name, "typ": "JWT", "kid": "ec"}, claims())))


def test_the_public_key_is_no_secret(key_server, rsa_key, settings):
    pem = rsa_key.public_key().public_bytes(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    )
    for secret in (pem, pem.strip()):
        unsigned = forge({"alg": "HS256", "kid": "rsa"}, claims()).rstrip(".")
        mac = hmac.new(secret, unsigned.encode(), hashlib.sha256).digest()
        token = unsigned + "." + forge({}, {}, mac).rpartition(".")[2]

        assert_refused(ask(token))


def test_a_public_key_id_is_asymmetric_where_both_kinds_are_taken(key_server, settings):
    settings.SLMGEN_JWT_MODE = "both"
    settings.SUPABASE_JWT_SECRET = "s" * 40

    assert_refused(ask(sign("s" * 40, "ec", "HS256")))


def test_a_shared_secret_is_taken_where_it_is_configured(settings):
    settings.SUPABASE_JWT_SECRET = "s" * 40
    settings.SUPABASE_JWT_ISSUER = ISSUER

    assert ask(sign("s" * 40, None, "HS256")).status_code == 200
    assert_refused_with_one_user(ask(sign("t" * 40, None, "HS256")))


def assert_refused_with_one_user(response):
    assert response.status_code == 401
    assert Identity.objects.count() == 1


def test_another_s_key_under_a_known_id_is_refused(key_server, attacker_key):
    assert_refused(ask(sign(attacker_key)))


def test_an_unknown_key_id_is_refused(key_server, attacker_key):
    assert_refused(ask(sign(attacker_key, "unknown")))


def test_the_algorithm_of_a_key_cannot_be_exchanged(key_server, rsa_key):
    assert_refused(ask(sign(rsa_key, "ec", "RS256")))


HEADERS = {
    "a number as key id": {"kid": 7},
    "a list as key id": {"kid": ["ec"]},
    "a path as key id": {"kid": "../../../dev/null"},
    "a long key id": {"kid": "k" * 1000},
    "a null key id": {"kid": None},
    "critical extensions": {"kid": "ec", "crit": ["exp"]},
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_bad_header_is_refused(key_server, name):
    header = {"alg": "ES256", "typ": "JWT", **HEADERS[name]}

    assert_refused(ask(forge(header, claims(), b"x" * 64)))


def test_keys_in_the_token_are_never_used(key_server, attacker_key):
    evil = KeyServer()
    evil.publish({"evil": attacker_key})
    entry = jwt.algorithms.ECAlgorithm.to_jwk(attacker_key.public_key(), as_dict=True)
    headers = {"jku": evil.url, "x5u": evil.url, "jwk": entry}
    try:
        assert_refused(ask(sign(attacker_key, "evil", headers=headers)))
        assert evil.fetches == 0
    finally:
        evil.close()


RAW = {
    "nothing": "",
    "one word": "x",
    "dots": "..",
    "five parts": "a.b.c.d.e",
    "a long token": "x" * 9000,
    "two tokens": "a.b.c d.e.f",
    "not ascii": "é.b.c",
    "a deep header": forge({}, {}).replace("e30", "W1tb" * 1500),
}


@pytest.mark.parametrize("name", RAW)
def test_what_is_no_token_is_refused(key_server, name):
    assert_refused(ask(RAW[name]))


@pytest.mark.parametrize(
    "header", ["Bearer", "Basic dXNlcjpwYXNz", "Token abc", "", "Bearer a, Bearer b"]
)
def test_another_header_is_refused(key_server, header):
    assert_refused(ask(header=header))


def test_a_changed_payload_is_refused(key_server, ec_key):
    head, payload, signature = sign(ec_key).split(".")
    other = forge({}, claims(sub="11111111-2222-4333-8444-555555555555")).split(".")[1]

    assert other != payload
    assert_refused(ask(f"{head}.{other}.{signature}"))


def test_no_claim_gives_rights(key_server, ec_key):
    token = sign(
        ec_key,
        is_staff=True,
        is_superuser=True,
        app_metadata={"role": "admin"},
        email="admin@example.org",
    )

    ask(token)

    user = Identity.objects.get().user
    assert (user.is_staff, user.is_superuser, user.email) == (False, False, "")
    assert not user.has_usable_password()


def test_a_second_visit_is_the_same_user(key_server, ec_key):
    assert ask(sign(ec_key)).data == ask(sign(ec_key)).data
    assert Identity.objects.count() == 1


def test_a_switched_off_user_is_refused(key_server, ec_key):
    ask(sign(ec_key))
    user = Identity.objects.get().user
    user.is_active = False
    user.save()

    assert ask(sign(ec_key)).status_code == 401


def test_the_token_is_not_logged(key_server, ec_key, caplog):
    token = sign(ec_key, aud="other")

    with caplog.at_level("DEBUG"):
        ask(token)

    assert "refused" in caplog.text
    assert token.split(".")[1] not in caplog.text
