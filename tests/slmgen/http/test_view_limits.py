from django.urls import get_resolver

from slmgen.http import view_limits


def views():
    """All views of the site, by the names of their addresses."""

    def below(resolver):
        for each in resolver.url_patterns:
            if hasattr(each, "url_patterns"):
                yield from below(each)
            elif each.name:
                yield each.name, each.callback

    return dict(below(get_resolver()))


def test_views_declare_how_their_requests_are_counted():
    counts = {name: view_limits.count_of(view) for name, view in views().items()}

    assert {name: kind for name, kind in counts.items() if kind != "requests"} == {
        "health": "", "metrics": "",
        "upload": "uploads", "page-start": "uploads", "mapping": "uploads",
        "page-columns": "uploads", "repairs": "uploads", "page-repair": "uploads",
        "generate": "notebooks", "plan": "notebooks", "page-training": "notebooks",
        "page-compare": "notebooks",
    }  # fmt: skip


def test_only_where_files_are_sent_a_request_may_be_large():
    large = {name for name, view in views().items() if view_limits.may_be_large(view)}

    assert large == {"upload", "page-start"}
