from notebooks.core.preview.cells import Span, blocks, spans


def test_markdown_becomes_plain_blocks():
    source = "# Train\n\nOne\ntwo **bold**.\n- item `x`\n1. first\n\n```\ncode *\n```\n"

    assert [(block.kind, block.spans) for block in blocks(source)] == [
        ("heading", [Span("text", "Train")]),
        (
            "text",
            [Span("text", "One two "), Span("bold", "bold"), Span("text", ".")],
        ),
        ("item", [Span("text", "item "), Span("code", "x")]),
        ("item", [Span("text", "first")]),
        ("code", [Span("code", "code *")]),
    ]


def test_escapes_are_shown_as_what_they_stand_for():
    assert spans(r"a\_b\.jsonl") == [Span("text", "a_b.jsonl")]


def test_html_stays_text():
    assert spans("<b>x</b>") == [Span("text", "<b>x</b>")]
