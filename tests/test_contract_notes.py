"""What the specification leaves open, as it was settled: a test for each sentence that
none of the others holds."""

import gzip
import json
import re
import uuid
from datetime import datetime, timedelta

import pytest
from django.core.cache import cache
from django.test import Client

from datasets.models import Dataset, Kind, WorkItem
from datasets.services import count_tokens
from jobs.models import Job
from notebooks.models import Notebook
from recommender.services import catalog
from slmgen.identity.services import token_for
from tests.factories import (
    jsonl,
    make_conversation,
    make_dataset,
    make_file,
    make_lines,
)
from tests.test_access import MATRIX

pytestmark = pytest.mark.django_db

JSON = "application/json"
LOWER_UUID4 = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
)


@pytest.fixture
def bearer(owner):
    token = token_for(username="owner", password="owner-password")
    return {"HTTP_AUTHORIZATION": f"Bearer {token}"}


def post(client, path, body, **headers):
    return client.post(path, json.dumps(body), JSON, **headers)


def upload(client, content, name="chat.jsonl"):
    return client.post("/upload", {"file": make_file(content, name)})


def analyzed(client, content):
    dataset = make_dataset(content)
    return client.get(f"/analyze/{dataset.id}").json()


# Codes and bodies

NEED = {"task_type": "qa", "deployment_target": "edge"}
WAITING = [
    ("GET", "/analyze/{}", None), ("GET", "/preview/{}", None),
    ("GET", "/preview/{}/distribution", None), ("GET", "/preview/{}/duplicates", None),
    ("POST", "/recommend", NEED), ("POST", "/generate", {}),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body"), WAITING)
def test_a_running_analysis_is_answered_202(client, method, path, body):
    dataset = make_dataset()
    items = WorkItem.objects.filter(dataset=dataset, kind=Kind.ANALYSIS)
    items.update(state="running", progress=43)
    text = json.dumps({"session_id": str(dataset.id), **(body or {})})

    response = client.generic(method, path.format(dataset.id), text, JSON)

    assert response.status_code == 202
    assert response["Retry-After"] == "5"
    assert response.json() == {
        "detail": "Analysis is 43% done; try again in 5 seconds."
    }


@pytest.mark.parametrize("path", sorted({row[2] for row in MATRIX} - {"{download}"}))
def test_a_wrong_method_is_405_and_names_those_that_exist(client, path, bearer):
    known = {row[1] for row in MATRIX if row[2] == path}
    path = re.sub(r"{\w+}", str(uuid.uuid4()), path)

    headers = {} if path == "/training/events" else bearer
    response = client.generic("PUT", path, "{}", JSON, **headers)

    assert response.status_code == 405
    assert list(response.json()) == ["detail"]
    assert isinstance(response.json()["detail"], str)
    assert known <= set(response["Allow"].split(", "))


ELSEWHERE = ["/metrics", "/openapi.json", "/docs/api/", "/favicon.ico", "/nothing",
             "/static/nothing", "/%00", "/jobs/"]  # fmt: skip


ANSWERED = {("/openapi.json", "OPTIONS"), ("/favicon.ico", "OPTIONS")}
METHODS = ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO"]


@pytest.mark.parametrize(
    ("path", "method"),
    sorted({(path, method) for path in ELSEWHERE for method in METHODS} - ANSWERED),
)
def test_an_error_that_no_view_wrote_is_json_too(path, method):
    client = Client(enforce_csrf_checks=True)

    response = client.generic(method, path)

    assert response.status_code in {403, 404, 405}
    assert response["Content-Type"] == JSON
    assert list(response.json()) == ["detail"]
    assert isinstance(response.json()["detail"], str)


def test_metrics_are_read_alone():
    client = Client(enforce_csrf_checks=True)

    assert client.post("/metrics").status_code == 405


def test_a_malformed_id_is_404_in_a_path_and_400_in_a_body(client, bearer):
    for path in ("/analyze/x", "/preview/x", "/datasets/x/profile", "/jobs/x"):
        assert client.get(path, **bearer).status_code == 404
    for path in ("/recommend", "/recommend/explain", "/plan", "/generate", "/jobs"):
        body = {"session_id": "x"} | (NEED if "recommend" in path else {})

        response = post(client, path, body, **bearer)

        assert response.status_code == 400
        assert response.json()["detail"].startswith("session_id is 'x'; expected")


@pytest.mark.parametrize("token", ["Bearer x", "Basic eDp5", "Bearer", "x"])
def test_a_bad_token_is_401_with_a_challenge_everywhere(client, token):
    dataset = make_dataset()

    for path in ("/health", f"/analyze/{dataset.id}", "/jobs", "/models"):
        response = client.get(path, HTTP_AUTHORIZATION=token)

        assert response.status_code == 401
        assert response["WWW-Authenticate"].startswith("Bearer")
        assert list(response.json()) == ["detail"]


def test_too_many_requests_are_told_when_to_come_back(client):
    cache.clear()
    for _ in range(30):
        body = {"username": "x", "password": "x"}
        response = post(client, "/auth/token", body)
        if response.status_code == 429:
            break

    assert response.status_code == 429
    assert int(response["Retry-After"]) > 0
    assert list(response.json()) == ["detail"]


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "application/xml"],
)
def test_another_kind_of_body_is_415(client, content_type):
    response = client.generic("POST", "/recommend", "a=1", content_type)

    assert response.status_code == 415
    assert content_type in response.json()["detail"]


def test_text_is_utf_8_and_not_escaped(client):
    dataset = make_dataset(jsonl([make_conversation("Grüße, 世界?", "Ça va 🙂")]))

    response = client.get(f"/preview/{dataset.id}")

    assert "Grüße, 世界?" in response.content.decode("utf-8")
    assert "Ça va 🙂" in response.content.decode("utf-8")


def test_times_are_utc_with_z(client, owner, bearer):
    dataset = make_dataset(owner=owner)
    Job.objects.create(owner=owner, dataset=dataset)
    profile = client.get(f"/datasets/{dataset.id}/profile", **bearer).json()
    work = client.get(f"/datasets/{dataset.id}/work", **bearer).json()
    job = client.get("/jobs", **bearer).json()[0]

    for text in (profile["expires_at"], job["created_at"], work[0]["created_at"]):
        assert text.endswith("Z")
        assert datetime.fromisoformat(text).utcoffset() == timedelta()


def test_ids_are_lower_case_uuid_4_and_taken_in_any_case(client):
    made = upload(client, make_lines()).json()["session_id"]

    assert LOWER_UUID4.fullmatch(made)
    assert client.get(f"/analyze/{made.upper()}").json()["session_id"] == made


@pytest.mark.parametrize(
    "path", sorted({row[2] for row in MATRIX} - {"/", "{download}"})
)
def test_no_path_of_the_api_ends_in_a_slash(client, path):
    path = re.sub(r"{\w+}", str(uuid.uuid4()), path)

    response = client.get(f"{path}/")

    assert response.status_code == 404
    assert list(response.json()) == ["detail"]


# Upload


def test_the_name_is_cleaned_and_the_size_is_what_was_received(client):
    content = gzip.compress(make_lines())

    made = upload(client, content, "..\\..\\C:\\data\\my\tchat.jsonl.gz").json()

    assert made["filename"] == "mychat.jsonl.gz"
    assert made["size"] == len(content)
    assert made["message"] == "Upload successful"


def test_the_file_must_be_in_the_field_file(client):
    other = client.post("/upload", {"dataset": make_file()})
    typo = client.post("/upload", {"file": make_file(), "maping": "{}"})
    added = client.post("/upload", {"file": make_file(), "lastModified": "1"})

    assert other.status_code == typo.status_code == 400
    assert (
        "no file in the field 'file' but files in 'dataset'" in (other.json()["detail"])
    )
    assert "Unknown field 'maping'; did you mean 'mapping'?" in typo.json()["detail"]
    assert added.status_code == 200


ENCODED = {
    "UTF-8 with BOM": b"\xef\xbb\xbf" + make_lines(),
    "UTF-16 with BOM": make_lines().decode().encode("utf-16"),
    "gzip": gzip.compress(make_lines()),
    "one array": json.dumps(
        [json.loads(x) for x in make_lines().splitlines()]
    ).encode(),
}


@pytest.mark.parametrize("name", ENCODED)
def test_content_counts_and_not_the_name(client, name):
    assert upload(client, ENCODED[name], "x.bin").status_code == 200


def test_another_encoding_is_refused_with_the_byte(client):
    content = make_lines(3) + b'{"messages": "\xe4"}\n'

    response = upload(client, content)

    assert response.status_code == 400
    offset = content.index(b"\xe4")
    assert f"offset {offset:,} " in response.json()["detail"]


def test_one_example_is_enough_and_few_are_said_to_be(client):
    found = analyzed(client, make_lines(1))

    assert found["total_examples"] == 1
    assert found["quality_score"] < 1
    assert any(
        "1" in issue and "50" in issue and "few" in issue.lower()
        for issue in found["quality_issues"]
    )


def test_nine_of_ten_lines_are_enough_and_the_others_are_named(client):
    good, bad = make_lines(9), b"oops\n"

    taken = analyzed(client, good + bad)
    refused = upload(client, good + bad + bad)

    assert taken["format_valid"] is False
    assert any("10" in issue for issue in taken["quality_issues"])
    assert refused.status_code == 400
    assert "Line 10" in refused.json()["detail"]


def test_every_role_is_known_and_extra_keys_and_bytes_are_kept(client):
    messages = [
        {"role": "developer", "content": " be brief \n"},
        {"role": "user", "content": "\u00e9 e\u0301 ", "name": "me"},
        {"role": "assistant", "content": "", "tool_calls": [{
            "id": "1", "type": "function",
            "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "content": "1", "tool_call_id": "1"},
        {"role": "assistant", "content": "  done"},
    ]  # fmt: skip
    dataset = make_dataset(jsonl([{"messages": messages, "source": "here"}] * 2))

    shown = client.get(f"/preview/{dataset.id}").json()["examples"][0]["messages"]
    roles = client.get(f"/preview/{dataset.id}/distribution").json()["roles"]

    assert shown == messages
    assert roles["tool"] == 2
    assert {"user", "assistant", "system"} <= set(roles)
    with_text = client.get(f"/datasets/{dataset.id}/export")
    assert b'"source"' in b"".join(with_text.streaming_content)
    with_text.close()


# Numbers


def test_the_index_counts_valid_examples_from_0_and_copies_are_later_ones(client):
    rows = make_lines(20).splitlines(keepends=True)
    content = b"".join([rows[0], b"oops\n", rows[1], rows[0], *rows[2:], rows[1]])
    dataset = make_dataset(content)

    page = client.get(f"/preview/{dataset.id}?page_size=100").json()
    copies = client.get(f"/preview/{dataset.id}/duplicates").json()

    assert [one["index"] for one in page["examples"]] == list(range(22))
    assert copies == {"count": 2, "examples": [2, 21]}


def test_averages_are_rounded_half_up(client):
    dataset = make_dataset(make_lines(3))
    found = client.get(f"/analyze/{dataset.id}").json()

    average = found["total_tokens"] / found["total_examples"]
    assert found["avg_tokens_per_example"] == int(average + 0.5)


def test_the_distribution_is_as_it_was_settled(client):
    rows = [make_conversation("ab", "cde"), make_conversation("ä" * 4, "x y z")]
    rows[0]["messages"] += make_conversation("q", "a")["messages"]
    dataset = make_dataset(jsonl(rows))

    found = client.get(f"/preview/{dataset.id}/distribution").json()

    assert found == {
        "roles": {"user": 3, "assistant": 3, "system": 0},
        "avg_message_length": round((2 + 3 + 1 + 1 + 4 + 5) / 6, 1),
        "token_distribution": {"0-100": 2, "100-500": 0, "500-1000": 0, "1000+": 0},
        "has_system_prompts": False,
        "multi_turn_percentage": 50.0,
    }


@pytest.mark.parametrize(
    ("tokens", "bucket"),
    [(99, "0-100"), (100, "100-500"), (499, "100-500"), (500, "500-1000"),
     (999, "500-1000"), (1000, "1000+")],
)  # fmt: skip
def test_a_bucket_begins_with_its_first_number(client, tokens, bucket):
    answer = " a" * (tokens - count_tokens("q"))
    assert count_tokens("q") + count_tokens(answer) == tokens
    dataset = make_dataset(jsonl([make_conversation("q", answer)]))

    found = client.get(f"/preview/{dataset.id}/distribution").json()

    assert found["token_distribution"][bucket] == 1


def test_every_point_lost_is_explained_and_hints_cost_nothing(client):
    rows = [f"question {n},answer {n}\n" for n in range(40)]
    table = ["text,category\n", *rows, *rows[:20], "a,b,c\n", ",empty\n"]
    dataset = make_dataset("".join(table).encode(), name="chat.csv")

    found = client.get(f"/analyze/{dataset.id}").json()
    parts = client.get(f"/datasets/{dataset.id}/profile").json()["quality_parts"]

    points = [part["points"] for part in parts]
    assert len(points) > 2
    assert points == sorted(points, reverse=True)
    assert 0 <= 1 - sum(points) - found["quality_score"] < 0.01
    *explained, hint = found["quality_issues"]
    assert explained == [text for part in parts for text in part["sentences"]]
    assert any("duplicate" in text for text in explained)
    assert hint.startswith("Hint: ")


def test_hints_cost_nothing(client):
    table = ["text,category\n", *(f"question {n},answer {n}\n" for n in range(60))]

    found = analyzed(client, "".join(table).encode())

    assert found["quality_score"] == 1.0
    assert all(issue.startswith("Hint: ") for issue in found["quality_issues"])
    assert found["quality_issues"]


def test_a_page_past_the_end_has_no_examples(client):
    dataset = make_dataset()

    found = client.get(f"/preview/{dataset.id}?page=9999&page_size=100").json()

    assert found == {
        "examples": [], "total_count": 60, "page": 9999, "page_size": 100,
    }  # fmt: skip


# Recommend, generate


def test_scores_have_two_decimals_and_fall(client):
    body = {"session_id": str(make_dataset().id), **NEED}

    found = post(client, "/recommend", body).json()["recommendations"]

    scores = [one["score"] for one in found]
    assert scores == sorted(scores, reverse=True)
    assert scores == [round(score, 2) for score in scores]
    assert all(0 <= score <= 1 for score in scores)


def test_a_model_is_named_by_slug_or_hub_id(client):
    dataset = make_dataset()
    model = catalog().get("qwen3-0.6b")

    for name in (model.slug, model.hf_id, model.hf_id.upper()):
        body = {"session_id": str(dataset.id), "model_id": name}
        assert post(client, "/generate", body).status_code == 200

    assert set(Notebook.objects.values_list("model_id", flat=True)) == {model.slug}


def test_generate_needs_the_session_alone_and_keeps_the_server_s_paths_to_itself(
    client, settings
):
    dataset = make_dataset()

    made = post(client, "/generate", {"session_id": str(dataset.id)}).json()

    notebook = Notebook.objects.get()
    assert made["notebook_path"] == notebook.key
    assert str(settings.VAR) not in json.dumps(made)
    assert re.fullmatch(
        r"/download/[\w.-]*[0-9a-f]{32}[\w.-]*\.ipynb", made["download_url"]
    )
    assert made["colab_url"].startswith("https://colab.research.google.com/")


def test_a_notebook_made_with_a_token_is_a_job(client, owner, bearer):
    dataset = make_dataset(owner=owner)

    post(client, "/generate", {"session_id": str(dataset.id)}, **bearer)

    job = Job.objects.get()
    assert (job.owner, job.dataset, job.notebook) == (
        owner, dataset, Notebook.objects.get(),
    )  # fmt: skip


def test_a_download_is_the_file_whatever_is_accepted(client):
    dataset = make_dataset()
    made = post(client, "/generate", {"session_id": str(dataset.id)}).json()

    for accept in ("*/*", "text/html", "image/png", ""):
        response = client.get(made["download_url"], HTTP_ACCEPT=accept)

        assert response.status_code == 200
        assert json.loads(response.content)["nbformat"] == 4


def test_a_dataset_of_somebody_is_nobody_else_s(client, owner, bearer):
    dataset = Dataset.objects.get(pk=make_dataset(owner=owner).pk)

    assert client.get(f"/analyze/{dataset.id}").status_code == 404
    assert client.get(f"/analyze/{dataset.id}", **bearer).status_code == 200
