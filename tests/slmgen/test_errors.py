import pickle

from slmgen.errors import InvalidInput


def test_a_refusal_keeps_its_field_and_problems_between_processes():
    sent = InvalidInput("One. Two.", field="seed", problems=["One.", "Two."])

    received = pickle.loads(pickle.dumps(sent))

    assert vars(received) == {
        "detail": "One. Two.", "field": "seed", "problems": ["One.", "Two."],
    }  # fmt: skip


def test_a_refusal_of_one_sentence_is_its_one_problem():
    assert InvalidInput("One.").problems == ["One."]
