import gzip
import json
import uuid
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datasets.models import Dataset, WorkItem
from datasets.work import engine
from datasets.work.results import analysis_of
from slmgen.audit.models import AuditEvent
from slmgen.storage.local import AtomicFileStorage
from tests.factories import (
    jsonl,
    make_conversation,
    make_dataset,
    make_file,
    make_lines,
)

pytestmark = pytest.mark.django_db


def upload(client, content=None, name="chat.jsonl"):
    return client.post("/upload", {"file": make_file(content, name)})


def stored(files):
    return sorted(path.name for path in files.rglob("*") if path.is_file())


def test_an_upload_answers_with_the_contract_s_fields(client):
    content = make_lines()

    response = upload(client, content)

    assert response.status_code == 200
    body = response.json()
    assert uuid.UUID(body.pop("session_id")).version == 4
    assert body == {
        "filename": "chat.jsonl",
        "size": len(content),
        "message": "Upload successful",
    }


def test_an_upload_is_kept_whole_under_its_id(client, files):
    content = gzip.compress(make_lines())

    session_id = upload(client, content).json()["session_id"]

    folder = files / "datasets" / session_id
    assert (folder / "original").read_bytes() == content
    assert (folder / "examples.jsonl").read_bytes() == make_lines()
    examples, index, original = stored(files)
    assert (examples, original) == ("examples.jsonl", "original")
    assert index == Path(analysis_of(Dataset.objects.get()).file).name


def test_an_upload_that_is_kept_is_answered_although_the_disk_is_full(
    client, monkeypatch
):
    """507 was answered for data that were there."""
    real = engine.claim_item

    def full(item):
        raise OperationalError("database or disk is full")

    monkeypatch.setattr(engine, "claim_item", full)
    answer = upload(client, make_lines())
    monkeypatch.setattr(engine, "claim_item", real)

    assert answer.status_code == 200
    session = answer.json()["session_id"]
    assert WorkItem.objects.get(dataset=session).state == "queued"
    assert client.get(f"/analyze/{session}").status_code == 200


def test_an_upload_that_cannot_be_recorded_is_not_kept(client, files, monkeypatch):
    def full(self, **values):
        raise OperationalError("database or disk is full")

    monkeypatch.setattr(AuditEvent, "save", full)

    assert upload(client, make_lines()).status_code == 507
    assert Dataset.objects.count() == 0
    assert stored(files) == []


def test_a_refused_upload_leaves_nothing(client, files):
    response = upload(client, b"oops\n")

    assert response.status_code == 400
    assert "Line 1: not valid JSON" in response.json()["detail"]
    assert (stored(files), Dataset.objects.count()) == ([], 0)


def test_a_failing_database_leaves_no_file(client, files, monkeypatch):
    def fail(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Dataset, "save", fail)

    response = upload(client)

    assert response.status_code == 507
    assert stored(files) == []


def test_a_failing_disk_leaves_neither_file_nor_row(client, files, monkeypatch):
    save = AtomicFileStorage._save

    def fail_second(self, name, content):
        if name.endswith("examples.jsonl"):
            raise OSError(5, "Input/output error")
        return save(self, name, content)

    monkeypatch.setattr(AtomicFileStorage, "_save", fail_second)

    response = upload(client)

    assert response.status_code == 503
    assert response["Retry-After"] == "5"
    assert (stored(files), Dataset.objects.count()) == ([], 0)


def test_temporary_files_are_gone_after_every_upload(client, settings):
    upload(client)
    upload(client, b"oops")

    assert list(settings.FILE_UPLOAD_TEMP_DIR.iterdir()) == []


def test_more_bytes_than_allowed_are_413(client, settings):
    settings.SLMGEN_MAX_UPLOAD_BYTES = 1_000_000

    response = upload(client, b"x" * 1_200_000)

    assert response.status_code == 413
    assert "larger than 1 MB" in response.json()["detail"]


def test_a_form_without_a_file_is_400(client):
    response = client.post("/upload", {"other": make_file()})

    assert response.status_code == 400
    assert "no file in the field 'file'" in response.json()["detail"]


def test_a_file_sent_as_text_is_400(client):
    assert client.post("/upload", {"file": "text"}).status_code == 400


BAD_FORMS = {
    "no boundary": ("multipart/form-data", b"x"),
    "an empty boundary": ("multipart/form-data; boundary=", b"x"),
    "a body that is no form": ("multipart/form-data; boundary=b", b"nonsense"),
    "a cut-off form": (
        "multipart/form-data; boundary=b",
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nx',
    ),
}


@pytest.mark.parametrize("name", BAD_FORMS)
def test_a_bad_form_is_400_with_a_sentence(client, name):
    content_type, body = BAD_FORMS[name]

    response = client.post("/upload", body, content_type=content_type)

    assert response.status_code == 400
    assert isinstance(response.json()["detail"], str)


def test_json_is_no_form(client):
    response = client.post("/upload", b"{}", content_type="application/json")

    assert response.status_code == 415
    assert "a form to /upload" in response.json()["detail"]


def test_a_hostile_name_is_cleaned(client):
    file = SimpleUploadedFile("x", make_lines())
    file._name = "../../a\r\nb.jsonl"

    body = client.post("/upload", {"file": file}).json()

    assert "/" not in body["filename"]
    assert "\n" not in body["filename"]


UNKNOWN = "5bcb8fe2-ea94-457e-98ea-8aedfdf10ad0"
TIMED = "40885d26-e823-11f1-95a7-02fc00000001"  # a UUID, but not of version 4
BAD_IDS = ["x", "0", UNKNOWN, TIMED, "%00", "a" * 5000, "..", "é"]


@pytest.mark.parametrize("bad", BAD_IDS)
@pytest.mark.parametrize(
    "path", ["/analyze/{}", "/preview/{}", "/preview/{}/duplicates"]
)
def test_an_id_that_is_none_is_404(client, path, bad):
    response = client.get(path.format(bad))

    assert response.status_code == 404
    assert isinstance(response.json()["detail"], str)


def test_text_of_every_script_is_answered_unescaped(client):
    text = "日本 العربية 😀 \u2028"
    dataset = make_dataset(jsonl([make_conversation(text, "ok")]))

    response = client.get(f"/preview/{dataset.id}")

    assert "日本 العربية 😀".encode() in response.content
    assert response.json()["examples"][0]["messages"][0]["content"] == text


def test_a_large_integer_survives_the_preview(client):
    line = b'{"messages":[{"role":"user","content":"a","n":%s},' \
        b'{"role":"assistant","content":"b"}]}' % (b"9" * 4000)  # fmt: skip
    dataset = make_dataset(line)

    response = client.get(f"/preview/{dataset.id}")

    assert json.loads(response.content)["examples"][0]["messages"][0]["n"] == int(
        "9" * 4000
    )


text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
answers = text.filter(str.strip)
conversations = st.builds(make_conversation, text, answers, note=text)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(conversations, min_size=1, max_size=12), st.integers(1, 5))
def test_a_preview_gives_back_what_was_uploaded(client, uploaded, page_size):
    dataset = make_dataset(jsonl(uploaded))
    address = f"/preview/{dataset.id}?page_size={page_size}"

    pages = [client.get(f"{address}&page={page}").json() for page in range(1, 14)]

    shown = [example["messages"] for page in pages for example in page["examples"]]
    assert shown == [conversation["messages"] for conversation in uploaded]
