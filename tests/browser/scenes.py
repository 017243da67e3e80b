"""Every page of the product with something on it, for those who take its pictures."""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.browser.conftest import Visitor
from tests.browser.stage import ACCOUNT, NEWCOMER, OWNER, SUPPORT, Places

# No rights are given by groups, and another server would have to say who somebody is.
WITHOUT_RECORDS = {
    "auth/group", "identity/identity", "socialaccount/socialaccount",
}  # fmt: skip
REFUSED = "User: What are your opening hours?\nShop: Nine to six.\n"


@dataclass(frozen=True)
class Scene:
    group: str
    name: str
    path: str
    who: str = OWNER  # whose window it is; "" is nobody's
    status: int = 200
    media: str = "screen"
    pasted: str = ""  # into the start page
    press: str = ""  # a button that leads to what is shown
    awaited: str = ""  # what a script writes after the page was loaded

    def show(self, visitor: Visitor) -> None:
        visitor.page.emulate_media(media=self.media)
        visitor.open(self.path, self.status)
        if self.pasted:
            visitor.refused = 400
            visitor.page.fill("#id_text", self.pasted)
        if self.press:
            visitor.page.get_by_role("button", name=self.press).click()
            visitor.page.wait_for_load_state()
        if self.awaited:
            visitor.page.get_by_text(self.awaited).first.wait_for()


def scenes_on(places: Places) -> list[Scene]:
    return [
        *_way(places.data, places.notebook), *_data(places), *_errors(),
        *_jobs(places), *_entrances(places), *_account(), *_support(places.records),
        *_reading(),
    ]  # fmt: skip


def _way(data: str, notebook: str) -> list[Scene]:
    training = f"{data}training/?model=qwen3-1.7b&lora_rank=32"
    return [
        Scene("way", "start", "/app/", who=""),
        Scene("way", "data", data),
        Scene("way", "model", f"{data}model/"),
        Scene("way", "training", training),
        Scene("way", "notebook", notebook),
    ]


def _data(places: Places) -> list[Scene]:
    data, tools = places.data, places.tools
    repair = "repair/?do=drop_exact_duplicates&do=fold_system"
    return [
        Scene("data", "working on it", places.counting, status=202),
        Scene("data", "rows", f"{tools}?row=2#row-2"),
        Scene("data", "row", f"{tools}rows/2/?model=qwen3-1.7b"),
        Scene("data", "repair", f"{data}{repair}"),
        Scene("data", "version", places.version),
        Scene("data", "versions", f"{data}versions/"),
        Scene("data", "roles", f"{data}roles/"),
        Scene("data", "columns", f"{places.table}columns/"),
        Scene("data", "problems", f"{data}problems/"),
        Scene("data", "closer look", f"{data}closer/"),
        Scene("data", "work", f"{data}work/"),
        Scene("data", "on paper", data, media="print"),
    ]


def _errors() -> list[Scene]:
    return [
        Scene("errors", "a refused upload", "/app/", who="", pasted=REFUSED,
              press="Analyze what I pasted"),
        Scene("errors", "nothing there", "/app/datasets/x/", who="", status=404),
        Scene("errors", "sign in first", "/app/jobs/", who=""),
    ]  # fmt: skip


def _jobs(places: Places) -> list[Scene]:
    shown = (places.done, places.other, places.running)
    compared = "&".join(f"job={path.split('/')[-2]}" for path in shown)
    return [
        Scene("jobs", "job", places.done),
        Scene("jobs", "a running job", places.running),
        Scene("jobs", "a failed job", places.failed),
        Scene("jobs", "history", "/app/jobs/"),
        Scene("jobs", "compared", f"/app/jobs/compare/?{compared}"),
        Scene("jobs", "logarithmic", f"{places.done}?scale=log#losses"),
        Scene("jobs", "a job that waits", places.waiting),
        Scene("jobs", "delete a job", f"{places.waiting}delete/"),
        Scene(
            "jobs", "connect a notebook", places.waiting, press="Make another secret"
        ),
    ]


def _entrances(places: Places) -> list[Scene]:
    """What is open to those who have not signed in."""
    pages = {
        "sign up": "signup/", "sign in": "login/", "switched off": "inactive/",
        "forgotten": "password/reset/", "letter to reset it": "password/reset/done/",
        "dead link to reset it": "password/reset/key/1-x/",
        "it is reset": "password/reset/key/done/",
        "letter to confirm": "confirm-email/",
        "dead link to confirm": "confirm-email/x/",
        "stopped elsewhere": "connections/login/cancelled/",
    }  # fmt: skip
    return [
        *(Scene("account", n, ACCOUNT + p, who="") for n, p in pages.items()),
        Scene("account", "reset it", places.reset, who=""),
        Scene("account", "confirm an address", places.confirmation, who=""),
        Scene("account", "refused elsewhere", f"{ACCOUNT}connections/login/error/",
              who="", status=401),
    ]  # fmt: skip


def _account() -> list[Scene]:
    pages = {
        "overview": "", "tokens": "tokens/", "e-mail": "email/",
        "password": "password/change/", "connections": "connections/",
        "confirm it is you": "reauthenticate/", "delete": "delete/",
        "sign out": "logout/",
    }  # fmt: skip
    first = f"{ACCOUNT}password/set/"
    return [
        *(Scene("account", n, ACCOUNT + p) for n, p in pages.items()),
        Scene("account", "a first password", first, who=NEWCOMER),
    ]


def _support(records: Mapping[str, str]) -> list[Scene]:
    """The admin: each list, and one record of it."""
    lists = {
        "datasets": "datasets/dataset", "work items": "datasets/workitem",
        "recommendations": "recommender/recommendation",
        "notebooks": "notebooks/notebook", "jobs": "jobs/job",
        "training runs": "jobs/trainingrun", "users": "auth/user",
        "groups": "auth/group", "e-mail addresses": "account/emailaddress",
        "social accounts": "socialaccount/socialaccount",
        "identities": "identity/identity", "tokens": "identity/apitoken",
        "audit events": "audit/auditevent",
    }  # fmt: skip
    pages = {"index": "/admin/", "status": "/admin/status/"}
    for name, model in lists.items():
        pages[name] = f"/admin/{model}/"
        if model not in WITHOUT_RECORDS:
            pages[f"{name}: one"] = records[model]
    content = f"{records['datasets/dataset'].removesuffix('change/')}content/"
    return [
        *(Scene("support", name, path, SUPPORT) for name, path in pages.items()),
        Scene("support", "before content", content, SUPPORT),
        Scene("support", "content", content, SUPPORT, press="Open and record it"),
    ]


def _reading() -> list[Scene]:
    pages = {
        "models": "/app/models/", "a model": "/app/models/qwen3-1.7b/",
        "models compared": "/app/models/?compare=qwen3-1.7b&compare=gemma-3-1b",
        "documents": "/app/docs/", "score": "/app/docs/score/",
        "issues": "/app/docs/issues/", "formats": "/app/docs/formats/",
        "what is graded": "/app/docs/graded/", "privacy": "/app/docs/privacy/",
        "LoRA": "/app/docs/lora/", "the API in two minutes": "/app/docs/api/",
    }  # fmt: skip
    return [
        *(Scene("reading", name, path, who="") for name, path in pages.items()),
        Scene("reading", "API reference", "/docs/api/", who="", awaited="/upload"),
    ]
