import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from datasets.models import Dataset, Kind, State, WorkItem
from datasets.samples import SAMPLES
from tests.datasets.data_page import page, text_of
from tests.factories import jsonl, make_conversation, make_dataset, make_lines

pytestmark = pytest.mark.django_db


HOSTILE = '<script>alert(1)</script><img src=x onerror="alert(2)">'


@pytest.mark.parametrize("sample", [sample.name for sample in SAMPLES])
def test_a_sample_leads_to_its_data_page(client, sample):
    answer = client.post("/app/", {"sample": sample})

    dataset = Dataset.objects.get()
    assert answer["Location"] == f"/app/datasets/{dataset.id}/"
    assert f"{sample}.jsonl" in text_of(client.get(answer["Location"]))


def test_a_file_and_pasted_rows_are_read_alike(client):
    client.post("/app/", {"file": SimpleUploadedFile("chat.jsonl", make_lines())})
    client.post("/app/", {"text": make_lines().decode().replace("\n", "\r\n")})

    assert {each.total_examples for each in Dataset.objects.all()} == {60}


def test_nothing_chosen_is_said_next_to_the_field(client):
    answer = client.post("/app/", {})

    assert answer.status_code == 400
    assert "Choose a file, paste some rows, or take a sample." in text_of(answer)


def test_a_bad_file_is_answered_line_by_line_with_the_fix(client):
    rows = [make_conversation(), {"messages": [{"role": "bot", "content": "x"}]}]
    file = SimpleUploadedFile("chat.jsonl", jsonl(rows))

    answer = client.post("/app/", {"file": file})

    assert answer.status_code == 400
    assert "<li>Line 2: messages[0].role is &#x27;bot&#x27;; expected" in text_of(
        answer
    )
    assert 'aria-describedby="file-help file-error"' in text_of(answer)


def test_pasted_rows_stay_in_their_box_when_they_are_bad(client):
    answer = client.post("/app/", {"text": "no json"})

    assert ">no json</textarea>" in text_of(answer)
    assert 'id="text-error"' in text_of(answer)


def test_the_problems_of_a_refused_upload_are_told_one_by_one(client):
    answer = client.post("/app/", {"text": '{"messages": "see Line 7: here"}\n{}'})

    shown = [str(each) for each in answer.context["form"].errors["text"]]
    assert [each.split(":")[0] for each in shown[1:]] == ["Line 1", "Line 2"]
    assert len(shown) == 3


def test_a_file_over_the_limit_is_a_page_and_no_server_error(client, settings):
    settings.SLMGEN_MAX_UPLOAD_BYTES = 1000
    file = SimpleUploadedFile("chat.jsonl", make_lines())

    answer = client.post("/app/", {"file": file})

    assert answer.status_code == 413
    assert "The file is larger than" in text_of(answer)


def test_the_browser_remembers_what_it_uploaded(client):
    make_dataset(name="foreign.jsonl")
    client.post("/app/", {"sample": "tools"})

    start = text_of(client.get("/app/"))

    assert "tools.jsonl" in start
    assert "foreign.jsonl" not in start


def test_an_upload_of_a_signed_in_user_is_theirs(client, owner):
    client.force_login(owner)
    client.post("/app/", {"sample": "tools"})

    assert Dataset.objects.get().owner == owner


@pytest.mark.parametrize(
    "part",
    ["", "problems/", "columns/", "closer/", "model/", "training/", "roles/",
     "versions/", "repair/?do=normalize", "rows/1/"],
)  # fmt: skip
def test_a_stranger_and_nobody_get_404(client, owner, stranger, part):
    dataset = make_dataset(owner=owner)

    assert page(client, dataset, part).status_code == 404
    client.force_login(stranger)
    assert page(client, dataset, part).status_code == 404
    client.force_login(owner)
    assert page(client, dataset, part).status_code == 200


def test_a_running_analysis_is_a_page_that_loads_itself_again(client):
    dataset = make_dataset()
    WorkItem.objects.update(state=State.RUNNING, progress=40, result=None)

    answer = page(client, dataset)

    assert (answer.status_code, answer["Refresh"]) == (202, "2")
    assert "Checking line 24 of 60 of chat.jsonl (40%)." in text_of(answer)


def test_a_failed_analysis_is_said_in_a_sentence(client):
    dataset = make_dataset()
    WorkItem.objects.update(state=State.FAILED)

    answer = page(client, dataset)

    assert answer.status_code == 409
    assert "Analysis of this dataset failed" in text_of(answer)


def test_a_closer_look_at_a_large_file_is_waited_for_and_begun(client, settings):
    dataset = make_dataset()
    settings.SLMGEN_INLINE_ANALYSIS_BYTES = 0

    answer = page(client, dataset, "closer/")

    assert (answer.status_code, answer["Refresh"]) == (202, "2")
    assert "Looking closer at chat.jsonl: 0% done." in text_of(answer)
    assert WorkItem.objects.get(kind=Kind.INSIGHTS).state == State.QUEUED


def test_every_lost_point_leads_to_its_rows(client):
    dataset = make_dataset(jsonl([make_conversation()] * 60))

    shown = text_of(page(client, dataset))

    assert f'href="/app/datasets/{dataset.id}/?issue=duplicates#rows"' in shown


def test_problems_are_listed_by_kind_and_page(client):
    rows = [
        make_conversation(),
        *[make_conversation("a", "I think of a") for _ in "ab"],
    ]
    dataset = make_dataset(jsonl([*rows * 40, {"messages": 1}]))

    shown = text_of(page(client, dataset, "problems/?kind=messages"))

    assert "Line 121" in shown
    assert "a list of at least one user and one assistant message" in shown


def test_guessed_columns_are_said_shown_and_corrected(client):
    table = b"first,second\nWhat is 1?,1\nWhat is 2?,2\n"
    dataset = make_dataset(table, name="pairs.csv")
    assert "The columns were guessed" in text_of(page(client, dataset))

    shown = client.post(
        f"/app/datasets/{dataset.id}/columns/",
        {"user": "second", "assistant": "first"},
    )
    assert '<div class="said" dir="auto">What is 1?</div>' in text_of(shown)
    assert Dataset.objects.count() == 1

    kept = client.post(
        f"/app/datasets/{dataset.id}/columns/",
        {"user": "second", "assistant": "first", "keep": "1"},
    )
    made = Dataset.objects.exclude(pk=dataset.pk).get()
    assert kept["Location"] == f"/app/datasets/{made.id}/"
    assert made.columns == {"user": "second", "assistant": "first"}


def test_senseless_columns_are_a_sentence(client):
    dataset = make_dataset(b"first,second\nWhat is 1?,1\n", name="pairs.csv")

    answer = page(client, dataset, "columns/")
    wrong = client.post(f"/app/datasets/{dataset.id}/columns/", {"user": "first"})

    assert answer.status_code == 200
    assert wrong.status_code == 400
    assert "must name either" in text_of(wrong)


def test_columns_are_named_with_the_upload(client):
    table = b"id,ask,tell\n1,What is 1?,1\n2,What is 2?,2\n"
    sent = {"file": SimpleUploadedFile("t.csv", table)}
    unclear = client.post("/app/", sent)
    assert "is not clear" in text_of(unclear)

    sent = {"file": SimpleUploadedFile("t.csv", table), "user": "ask"}
    named = client.post("/app/", {**sent, "assistant": "tell"})

    assert named.status_code == 302


BROKEN = {
    "empty": b"",
    "blank": b" \n\n",
    "no json": b"hello\nthere\n",
    "cut off": b'{"messages": [{"role": "user", "con',
    "not UTF-8": b'{"messages": "\xff\xfe\xfa"}\n',
    "an image": b"\x89PNG\r\n\x1a\n\x00\x00",
    "no messages": b'{"text": "x", "id": 1, "more": true}\n',
    "messages no list": b'{"messages": "x"}\n',
    "unknown role": b'{"messages": [{"role": "bot", "content": "x"}]}\n',
    "no answer": b'{"messages": [{"role": "user", "content": "x"}]}\n',
    "no text": b'{"messages": [{"role": "user", "content": 5}]}\n',
    "preferences": b'{"prompt": "x", "chosen": "y", "rejected": "z"}\n',
    "broken gzip": b"\x1f\x8b\x08\x00broken",
    "a number": b"17\n",
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_upload_is_explained_on_the_start_page(client, name):
    file = SimpleUploadedFile("chat.jsonl", BROKEN[name])

    answer = client.post("/app/", {"file": file})

    (reason,) = re.findall(r'id="file-error">(.+?)</p>', text_of(answer))
    assert answer.status_code == 400
    assert len(reason) > 40
    assert reason.endswith(".")
    assert Dataset.objects.count() == 0


def test_the_chosen_model_s_limit_and_the_rows_that_it_cuts_are_said(client):
    long = make_conversation("Count.", " ".join(map(str, range(3000))))
    dataset = make_dataset(make_lines() + jsonl([long]))

    short = text_of(page(client, dataset, "?model=tinyllama-1.1b"))
    wide = text_of(page(client, dataset, "?model=qwen3-4b-instruct-2507"))

    assert "reads 2,048 tokens" in short
    assert "1 row would be cut" in short
    assert '<option value="tinyllama-1.1b" selected>' in short
    assert "no row would be cut" in wide


def test_what_leads_to_lost_points_has_a_page_behind_each_bar(client):
    rows = [make_conversation(), make_conversation("q", "TODO")] * 20
    dataset = make_dataset(jsonl([*rows, {"messages": 1}]))
    shown = text_of(page(client, dataset))
    lost = shown.partition("Where points were lost")[2].partition("</table>")[0]

    links = re.findall(r'<a href="([^"#]+)', lost)

    assert lost.count("<tr>") == len(links) >= 4
    assert {client.get(link).status_code for link in links} == {200}
