"""Rows counted by the tokenizers that the catalog names, templates included."""

from datasets.core.canonical import transcript
from datasets.core.tokenization.model_lengths import lengths_of
from recommender.services import catalog
from tests.factories import jsonl, make_conversation


def counted(*turns):
    messages = [{"role": role, "content": content} for role, content in turns]
    line = jsonl([{"messages": messages}]).rstrip()
    return {
        name: (each.summary()["tokens"], each.summary()["with_template"])
        for name, each in lengths_of([transcript(line)], catalog().tokenizers).items()
    }


def test_tokenizers_count_the_text_and_what_their_template_adds():
    found = counted(("user", "Hello world"), ("assistant", "Hi"))

    # <|im_start|>user\nHello world<|im_end|>\n<|im_start|>assistant\nHi<|im_end|>\n
    assert found["qwen3-2507"] == (3, 3 + 2 * 5)
    assert found["qwen3"] == (3, 3 + 2 * 5 + 4)  # <think>\n\n</think>\n\n
    assert found["o200k"] == (3, 3 + 2 * 2)
    assert set(found) == {each.name for each in catalog().tokenizers}


def test_a_template_with_a_system_message_of_its_own_adds_it_where_there_is_none():
    turns = [("user", "Hello world"), ("assistant", "Hi")]
    # "system\n" is two tokens, "You are Qwen, created by Alibaba Cloud. …" 16
    without = counted(*turns)["qwen2.5"]
    given = counted(("system", "Be kind"), *turns)["qwen2.5"]

    assert without == (3, 3 + 2 * 5 + 3 + 2 + 16)
    assert given == (5, 5 + 3 * 5)


def test_white_space_at_the_start_joins_the_line_feed_of_the_role():
    plain = counted(("user", "a"), ("assistant", "b"))["qwen3-2507"]
    feed = counted(("user", "\na"), ("assistant", "b"))["qwen3-2507"]

    assert (feed[0], feed[1]) == (plain[0] + 1, plain[1])  # "\n\n" is one token


def test_rows_over_a_context_are_counted():
    line = jsonl([make_conversation(" word" * 3_000, "ok")]).rstrip()

    found = lengths_of([transcript(line)], catalog().tokenizers)["o200k"]

    over = found.summary()["over_context"]
    assert over["2048"] == 1
    assert not any(n for limit, n in over.items() if limit != "2048")


def test_a_tokenizer_that_composes_characters_counts_them_composed():
    apart = counted(("user", "Gro\u0308\u00dfe"), ("assistant", "u\u0308"))
    composed = counted(("user", "Gr\u00f6\u00dfe"), ("assistant", "\u00fc"))

    for name in ("qwen3", "qwen2.5", "qwen3.5"):
        assert apart[name] == composed[name]
    assert apart["o200k"] != composed["o200k"]
