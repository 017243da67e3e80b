from datetime import timedelta

import pytest
from django.utils import timezone

from datasets.models import Dataset
from jobs.models import Job, JobEvent, TrainingPoint, TrainingRun
from tests.factories import make_dataset

pytestmark = pytest.mark.django_db

LIVE = {"HTTP_HX_REQUEST": "true"}


def page(client, job, query=""):
    return client.get(f"/app/jobs/{job.id}/{query}").content.decode()


def live(client, job, query="", **headers):
    return client.get(f"/app/jobs/{job.id}/live/{query}", **LIVE, **headers)


def test_a_notebook_made_while_signed_in_is_a_job_with_a_page(client, made):
    assert f"/app/jobs/{made.id}/" in client.get("/app/jobs/").content.decode()
    shown = page(client, made)
    assert "Qwen3 0.6B" in shown
    assert f"/app/notebooks/{made.notebook_id}/" in shown


def test_a_comparison_made_while_signed_in_is_a_job_too(signed_in, dataset):
    models = ["qwen3-0.6b", "gemma-3-270m"]

    signed_in.post(f"/app/datasets/{dataset.id}/compare/", {"model": models})

    job = Job.objects.get()
    assert (job.model_id, job.notebook.candidates) == ("", models)
    assert "Qwen3 0.6B, Gemma 3 270M" in page(signed_in, job)


def test_a_comparison_made_by_nobody_is_no_job(client):
    dataset = make_dataset()

    client.post(
        f"/app/datasets/{dataset.id}/compare/",
        {"model": ["qwen3-0.6b", "gemma-3-270m"]},
    )

    assert not Job.objects.exists()


def test_a_job_moves_by_its_buttons(client, made):
    client.post(f"/app/jobs/{made.id}/", {"status": "running"})

    made.refresh_from_db()
    assert made.status == "running"
    assert "It is completed" in page(client, made)


def test_an_illegal_move_changes_nothing(client, made):
    answer = client.post(f"/app/jobs/{made.id}/", {"status": "completed"})

    made.refresh_from_db()
    assert (answer.status_code, made.status) == (400, "created")


def test_a_failed_job_says_why(client, made):
    client.post(f"/app/jobs/{made.id}/", {"status": "running"})
    client.post(
        f"/app/jobs/{made.id}/", {"status": "failed", "reason": "Out of <b>memory"}
    )

    shown = page(client, made)

    assert "Set by you. Out of &lt;b&gt;memory" in shown
    assert JobEvent.objects.filter(kind="moved").count() == 2


def test_what_a_run_reported_is_on_its_page(client, made, tell):
    report = tell(made)
    report("log", 0, 0, eval_loss=9.5)
    report("begin")
    report(step=6, loss=4.25)
    report(step=6, eval_loss=4.5)

    shown = page(client, made)

    assert "running" in shown
    assert "Step 6 of 60, 10 %" in shown
    assert "Evaluation at step 0: loss 9.5" in shown
    assert "Training began at step 0" in shown
    assert "<svg" in shown
    assert "Loss by step: 4.25 at step 6" in shown


def test_a_loss_that_diverged_is_shown_as_such(client, made, tell):
    """Losses of 1e308 and -1e308 made the page of a job fail for good."""
    report = tell(made)
    report("begin")
    report(step=1, loss=4.25)
    for step, loss in ((2, 1e308), (3, -1e308), (4, 10**400), (5, None)):
        report(step=step, loss=loss)
    report(step=5, eval_loss=None)

    shown, table = page(client, made), client.get(f"/app/jobs/{made.id}/losses.csv")

    assert "The loss diverged at step 2: it was infinite" in shown
    assert "Evaluation at step 5: loss diverged" in shown
    assert "<svg" in shown
    assert table.content.decode().splitlines()[1:3] == ["1,4.25,,,", "2,nan,,,"]
    assert "diverged" in client.get("/app/jobs/").content.decode()
    assert live(client, made).status_code == 200


def test_points_that_were_kept_before_there_was_a_limit_are_shown(client, made, tell):
    tell(made)("begin")
    run = TrainingRun.objects.get()
    for step, loss in ((1, 1e308), (2, -1e308)):
        TrainingPoint.objects.create(
            run=run, kind="train", step=step, values={"loss": loss}, at=timezone.now()
        )

    assert "The loss diverged at step 1" in page(client, made)


def test_a_run_of_which_every_loss_diverged_has_a_page(client, made, tell):
    tell(made)(step=1, loss=None)

    shown = page(client, made)

    assert "The loss diverged at step 1" in shown
    assert "<svg" not in shown


def test_a_download_needs_no_token(client, made, stranger):
    """The API's address answers nobody without a token: links to it were dead."""
    shown = page(client, made)
    address = f"/app/notebooks/{made.notebook_id}/download/"

    answer = client.get(address)

    assert address in shown
    if answer.status_code != 302:  # to the object itself, where there is one
        assert answer["Content-Disposition"].endswith(f'"{made.notebook.filename}"')
    client.force_login(stranger)
    assert client.get(address).status_code == 404


def test_the_scale_is_chosen_by_the_address(client, made, tell):
    report = tell(made)
    for step, loss in ((1, 10.0), (2, 1.0), (3, 0.1)):
        report(step=step, loss=loss)

    linear, log = page(client, made), page(client, made, "?scale=log")

    assert ">0.5</text>" not in linear
    assert ">0.5</text>" in log or ">0.3</text>" in log


def test_a_run_without_a_sign_of_life_is_stalled(client, made, tell):
    tell(made)("begin")
    TrainingRun.objects.update(seen_at=timezone.now() - timedelta(seconds=91))

    assert "No sign of life" in page(client, made)


def test_the_live_part_is_not_sent_again_while_nothing_changed(client, made, tell):
    report = tell(made)
    report("begin")
    first = live(client, made)

    same = live(client, made, HTTP_IF_NONE_MATCH=first["ETag"])
    report(step=1, loss=2.0)
    other = live(client, made, HTTP_IF_NONE_MATCH=first["ETag"])

    assert (first.status_code, same.status_code, other.status_code) == (200, 304, 200)
    assert same.content == b""
    assert same["ETag"] == first["ETag"] != other["ETag"]
    # htmx sends the tag back that stands in the part itself.
    assert first["ETag"].strip('"') in first.content.decode()


@pytest.mark.parametrize("change", ["stalled", "revoked", "moved"])
def test_every_change_is_seen_in_the_tag(client, made, tell, change):
    tell(made)("begin")
    first = live(client, made)["ETag"]

    if change == "stalled":
        past = timezone.now() - timedelta(seconds=91)
        TrainingRun.objects.update(seen_at=past)
    if change == "revoked":
        client.post(f"/app/jobs/{made.id}/secret/revoke/")
    if change == "moved":
        client.post(f"/app/jobs/{made.id}/", {"status": "failed"})

    assert live(client, made, HTTP_IF_NONE_MATCH=first).status_code == 200


def test_a_page_asks_again_while_its_run_goes_on_and_then_no_more(client, made, tell):
    assert "hx-get" not in page(client, made)  # no notebook may report

    report = tell(made)
    assert "hx-get" in page(client, made)
    report("begin")
    assert "hx-get" in page(client, made)
    report("end", 60)
    # The trained model may still be measured.
    assert "hx-get" in live(client, made).content.decode()
    TrainingRun.objects.update(seen_at=timezone.now() - timedelta(seconds=91))
    assert "hx-get" not in live(client, made).content.decode()


def test_a_page_that_shall_stay_as_it_is_loads_no_script(client, made, tell):
    tell(made)("begin")

    assert "htmx" in page(client, made)
    still = page(client, made, "?live=off")
    assert "htmx" not in still
    assert 'http-equiv="refresh"' not in still


def test_without_script_a_running_page_loads_itself_again(client, made, tell):
    tell(made)("begin")

    assert '<noscript><meta http-equiv="refresh"' in page(client, made)


def test_the_live_part_of_somebody_signed_out_loads_the_whole_page(client, made):
    client.logout()

    answer = live(client, made)

    assert answer["HX-Refresh"] == "true"
    assert answer.content == b""


def test_the_live_part_alone_leads_to_the_page(client, made):
    answer = client.get(f"/app/jobs/{made.id}/live/")

    assert answer["Location"] == f"/app/jobs/{made.id}/"


def test_a_secret_is_shown_once_and_works(client, made):
    shown = client.post(f"/app/jobs/{made.id}/secret/")

    text = shown.content.decode()
    token = text.split('PROGRESS_TOKEN = "')[1].split('"')[0]
    assert 'PROGRESS_URL = "http://testserver/training/events"' in text
    assert "no-store" in shown["Cache-Control"]
    answer = client.post(
        "/training/events", {"event": "begin", "step": 0, "steps": 60},
        "application/json", HTTP_AUTHORIZATION=f"Bearer {token}",
    )  # fmt: skip
    assert answer.status_code == 204
    assert token not in page(client, made)


def test_a_secret_is_made_by_post_alone(client, made):
    assert client.get(f"/app/jobs/{made.id}/secret/").status_code == 405


def test_a_revoked_secret_is_gone(client, made, tell):
    tell(made)

    client.post(f"/app/jobs/{made.id}/secret/revoke/")

    assert TrainingRun.objects.get().secret_hash is None
    assert "Secret of the notebook revoked by you" in page(client, made)


def test_losses_are_a_table_to_take_away(client, made, tell):
    report = tell(made)
    report(step=6, loss=4.25, learning_rate=0.5)
    report(step=6, eval_loss=4.5)

    answer = client.get(f"/app/jobs/{made.id}/losses.csv")

    assert answer.content.decode().splitlines() == [
        "step,loss,eval_loss,learning_rate,grad_norm",
        "6,4.25,4.5,0.5,",
    ]


ALSO = "Also delete the dataset"


def test_a_deleted_job_leaves_its_dataset_unless_that_is_ticked(client, made, dataset):
    asked = client.get(f"/app/jobs/{made.id}/delete/").content.decode()

    client.post(f"/app/jobs/{made.id}/delete/")

    assert ALSO in asked
    assert "checked" not in asked
    assert not Job.objects.exists()
    assert client.get(f"/app/datasets/{dataset.id}/").status_code == 200


def test_a_dataset_is_deleted_with_its_job_where_that_is_ticked(client, made, dataset):
    client.post(f"/app/jobs/{made.id}/delete/", {"dataset": "on"})

    assert not Job.objects.exists()
    assert client.get(f"/app/datasets/{dataset.id}/").status_code == 404


@pytest.mark.parametrize("whose", ["nobody's", "used twice"])
def test_a_dataset_that_must_stay_is_not_offered(client, owner, made, dataset, whose):
    if whose == "used twice":
        job = Job.objects.create(owner=owner, dataset=dataset)
    else:
        job = Job.objects.create(owner=owner, dataset=make_dataset())

    asked = client.get(f"/app/jobs/{job.id}/delete/").content.decode()
    client.post(f"/app/jobs/{job.id}/delete/", {"dataset": "on"})

    assert ALSO not in asked
    assert "The dataset stays" in asked
    assert Dataset.objects.filter(pk=job.dataset_id).exists()
    assert not Job.objects.filter(pk=job.pk).exists()


PAGES = ["", "live/", "clone/", "losses.csv", "delete/"]
DEEDS = ["", "secret/", "secret/revoke/", "delete/"]


@pytest.mark.parametrize("part", PAGES)
def test_a_foreign_job_is_not_there(client, made, stranger, part):
    client.force_login(stranger)

    answer = client.get(f"/app/jobs/{made.id}/{part}", follow=True)

    assert answer.status_code == 404


@pytest.mark.parametrize("part", DEEDS)
def test_nothing_is_done_to_a_foreign_job(client, made, stranger, part):
    client.force_login(stranger)

    answer = client.post(f"/app/jobs/{made.id}/{part}", {"status": "running"})

    made.refresh_from_db()
    assert (answer.status_code, made.status) == (404, "created")
    assert not TrainingRun.objects.exists()


@pytest.mark.parametrize("part", ["", "clone/", "losses.csv", "delete/"])
def test_nobody_is_sent_to_sign_in(client, made, part):
    client.logout()

    assert "login" in client.get(f"/app/jobs/{made.id}/{part}")["Location"]
