"""Every layout and container becomes the same conversations."""

import json

import pytest

from datasets.core.layouts.columns import layout_of, mapped
from slmgen.errors import InvalidInput
from tests.corpus.families import intents, making, shell, talk, tools
from tests.datasets.reading import read, turns
from tests.factories import jsonl
from tests.sources import own, real

ROWS = {
    "Alpaca": ({"instruction": "q", "input": "", "output": "a"}, turns("q", "a")),
    "Alpaca with input": (
        {"instruction": "q", "input": "c", "output": "a"}, turns("q\n\nc", "a"),
    ),
    "Alpaca with response": ({"instruction": "q", "response": "a"}, turns("q", "a")),
    "Alpaca with history": (
        {"instruction": "q", "output": "a", "history": [["x", "y"]]},
        turns("x", "y", "q", "a"),
    ),
    "a system column": (
        {"instruction": "q", "output": "a", "system": "s"},
        [{"role": "system", "content": "s"}, *turns("q", "a")],
    ),
    "prompt and completion": ({"prompt": "q", "completion": "a"}, turns("q", "a")),
    "question and answer": ({"Question": "q", "Answer": "a"}, turns("q", "a")),
    "ShareGPT": (
        {"conversations": [{"from": "human", "value": "q"},
                           {"from": "gpt", "value": "a", "weight": 0}]},
        [{"role": "user", "content": "q"},
         {"role": "assistant", "content": "a", "weight": 0}],
    ),
    "ShareGPT with roles": ({"conversations": turns("q", "a")}, turns("q", "a")),
}  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
def test_a_layout_is_told_from_its_keys(name):
    row, messages = ROWS[name]

    found, (example,) = read(jsonl([row]))

    assert example["messages"] == messages
    assert not found.layout.guessed


def test_other_keys_survive():
    _, (example,) = read(jsonl([{"prompt": "q", "completion": "a", "id": 7}]))

    assert example == {"messages": turns("q", "a"), "id": 7}


def test_sharegpt_calls_and_tools_become_openai_s():
    call = {"name": "f", "arguments": {"x": [1, "é"]}}
    row = {
        "conversations": [
            {"from": "human", "value": "q"},
            {"from": "function_call", "value": json.dumps(call)},
            {"from": "observation", "value": "{}"},
            {"from": "gpt", "value": "a"},
        ],
        "tools": json.dumps([{"name": "f"}]),
    }

    _, (example,) = read(jsonl([row]))

    assert example["messages"][1]["tool_calls"] == [
        {"id": "call_1", "type": "function",
         "function": {"name": "f", "arguments": '{"x": [1, "é"]}'}}
    ]  # fmt: skip
    assert example["messages"][2] == {
        "role": "tool", "tool_call_id": "call_1", "content": "{}"
    }  # fmt: skip
    assert example["tools"] == [{"type": "function", "function": {"name": "f"}}]


@pytest.mark.parametrize(
    ("tools", "sentence"),
    [("[" * 100 + "]" * 100, "64 levels"), (json.dumps([0] * 200_001), "commas")],
    ids=["nested deeply", "very many"],
)
def test_json_inside_of_a_text_has_the_limits_of_all_json(tools, sentence):
    """What is kept can be read again."""
    talk = [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]

    with pytest.raises(InvalidInput, match=sentence):
        read(jsonl([{"conversations": talk, "tools": tools}]))


LONG = "n" * 10**5


@pytest.mark.parametrize(
    ("content", "mapping"),
    [
        (f'a,"b\n{LONG}"\n1,2\n'.encode(), None),
        (f'a,"b\n{LONG}","b\n{LONG}"\n1,2,3\n'.encode(), None),
        (jsonl([{LONG: "q", "y": "a"}]), None),
        (jsonl([{LONG: "q", "y": "a"}]), {"user": "q", "assistant": "a"}),
    ],
    ids=["in quotes", "twice", "guessed", "mapped"],
)
def test_a_name_without_end_is_neither_taken_nor_repeated(content, mapping):
    with pytest.raises(InvalidInput) as raised:
        read(content, mapping)

    assert len(str(raised.value)) < 1_000


def test_an_unknown_speaker_is_named_with_its_place():
    row = {"conversations": [{"from": "narrator", "value": "x"}]}

    with pytest.raises(InvalidInput, match=r"Line 1: messages\[0\].from is 'narrator'"):
        read(jsonl([row]))


def test_columns_are_counted_before_their_names_are_compared():
    """Comparing each name with all others takes hours for a line of many."""
    for content in (b"a," * 19_999 + b"a\n1,2\n", b"a\t" * 64 + b"a\n1\t2\n"):
        with pytest.raises(InvalidInput, match=r"Line 1: [\d,]+ columns; at most 64"):
            read(content)


def test_two_columns_of_one_name_are_refused():
    with pytest.raises(InvalidInput, match="Line 1: the column 'a' occurs twice"):
        read(b"a,b,a\n1,2,3\n")


def test_csv_lines_are_physical_lines():
    content = b'question,answer\n"a\nb",c\n\nonly one cell\n"d ""e""",f\n' + (
        b"".join(b"q%d,a\n" % n for n in range(20))
    )

    found, examples = read(content)

    assert found.container == "CSV"
    assert examples[0]["messages"] == turns("a\nb", "c")
    assert examples[1]["messages"] == turns('d "e"', "f")
    assert [str(p).partition(";")[0] for p in found.problems] == ["Line 5: 1 cell"]


def test_tsv_and_semicolons_are_told_apart_by_content():
    for mark, container in (("\t", "TSV"), (";", "CSV")):
        text = f"question{mark}answer\nwhat, then?{mark}this\n"

        found, (example,) = read(text.encode())

        assert found.container == container
        assert example["messages"] == turns("what, then?", "this")


def test_two_unknown_columns_are_a_guess():
    found, (example,) = read(b"text,category\nhello,greeting\n")

    assert found.layout.guessed
    assert found.layout.columns.named == {"user": "text", "assistant": "category"}
    assert example["messages"] == turns("hello", "greeting")


def test_single_messages_are_no_two_columns():
    content = jsonl([{"role": "user", "content": "q"}] * 3)

    with pytest.raises(InvalidInput, match="'messages' is missing, found the keys"):
        read(content)


def test_more_unknown_columns_need_a_mapping():
    content = b"a,b,c\n1,2,3\n"

    with pytest.raises(InvalidInput, match=r"The columns are 'a', 'b', 'c'.*mapping"):
        read(content)

    _, (example,) = read(content, {"user": "c", "assistant": "a", "system": "b"})
    assert example["messages"] == [
        {"role": "system", "content": "2"}, *turns("3", "1")
    ]  # fmt: skip


BAD_MAPPINGS = [
    {}, {"user": "a"}, {"user": "a", "assistant": 1}, {"robot": "a"},
    {"messages": "a", "user": "b", "assistant": "c"},
]  # fmt: skip


@pytest.mark.parametrize("mapping", BAD_MAPPINGS)
def test_a_senseless_mapping_is_refused(mapping):
    with pytest.raises(
        InvalidInput,
        match=r"^mapping(\.assistant is 1; | must name |: Unknown part 'robot'; )",
    ):
        mapped(mapping)


def test_a_mapping_to_a_column_that_is_not_there_lists_those_that_are():
    with pytest.raises(InvalidInput, match=r"'x', which is not in the file.*'a', 'b'"):
        read(b"a,b\n1,2\n", {"user": "x", "assistant": "b"})


REFUSED = {
    "preference": {"prompt": "q", "chosen": "a", "rejected": "b"},
    "preferred_output": {
        "input": {}, "preferred_output": [], "non_preferred_output": []
    },
    "alone": {"text": "just text"},
}  # fmt: skip


@pytest.mark.parametrize("word", REFUSED)
def test_what_is_no_conversation_is_refused_in_words(word):
    with pytest.raises(InvalidInput, match=word):
        layout_of(REFUSED[word])


def test_a_quote_that_never_ends_does_not_swallow_the_file():
    content = b'question,answer\n"open,x\n' + b"q,a\n" * 600_000

    with pytest.raises(InvalidInput, match="Line 2: the row that begins here"):
        read(content)


def test_a_table_s_byte_that_is_no_text_is_found():
    with pytest.raises(InvalidInput, match="not UTF-8 text: the byte at offset 19"):
        read(b"question,answer\nab,\xff\n")


# The same examples in two forms: native file, chat file, what is left out there.
TWINS = [
    own("tool_calls.sharegpt.json", "tool_calls.chat.jsonl", ()),
    own("word_problems.parquet", "word_problems.chat.jsonl", ()),
    own("small_talk_ko.csv", "small_talk_ko.chat.jsonl", ("label",)),
    own("intents.csv", "intents.chat.jsonl", ("system",)),
    real("glaive_toolcall_en.sharegpt.json", "glaive_toolcall_en.chat.jsonl", ()),
    real("gsm8k_300.parquet", "gsm8k_1500.chat.jsonl", ()),
    real("korean_chatbot.csv", "korean_chatbot_5000.chat.jsonl", ("label",)),
    real("banking77.csv", "banking77.chat.jsonl", ("system",)),
]


@pytest.mark.parametrize(("native", "chat", "left_out"), TWINS)
def test_native_files_convert_to_their_chat_files(native, chat, left_out):
    _, ours = read(native.path.read_bytes())
    lines = native.beside(chat).path.read_text(encoding="utf-8").splitlines()
    theirs = [json.loads(line) for line in lines]
    for example in [*ours, *theirs]:
        for key in left_out:
            example.pop(key, None)
        example["messages"] = [
            m for m in example["messages"] if m["role"] not in left_out
        ]

    both = min(len(ours), len(theirs))

    assert both >= 300
    assert ours[:both] == theirs[:both]


COUNTS = [
    own("introductions.sharegpt.json", "ShareGPT", making.INTRODUCTIONS),
    own("tool_calls.sharegpt.json", "ShareGPT", tools.COUNT),
    own("role_play.alpaca_response.json", "Alpaca", making.ROLE_PLAY),
    own("seed_tasks.alpaca.json", "Alpaca", making.SEED_TASKS),
    own("shell.prompt_completion.jsonl", "prompt/completion", shell.COUNT),
    own("intents.csv", "two columns", intents.PER_LABEL * intents.labels()),
    own("small_talk_ko.csv", "question/answer", talk.SMALL_TALK),
    own("word_problems.parquet", "question/answer", 300),
    real("fastchat_dummy.sharegpt.json", "ShareGPT", 500),
    real("glaive_toolcall_en.sharegpt.json", "ShareGPT", 300),
    real("gpteacher_roleplay.alpaca_response.json", "Alpaca", 1923),
    real("self_instruct_seed.alpaca.json", "Alpaca", 175),
    real("nl2bash_3000.prompt_completion.jsonl", "prompt/completion", 3000),
    real("banking77.csv", "two columns", 3080),
    real("korean_chatbot.csv", "question/answer", 11823),
    real("gsm8k_300.parquet", "question/answer", 300),
]


@pytest.mark.parametrize(("source", "form", "count"), COUNTS)
def test_every_native_file_is_read(source, form, count):
    found, _ = read(source.path.read_bytes())

    assert found.layout.form == form
    assert found.examples + found.bad_lines == count
