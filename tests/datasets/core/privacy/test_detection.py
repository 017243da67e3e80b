import json
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.core.privacy.detection import WITH_DIGITS, findings, redacted
from tests.corpus.families import office, tools
from tests.sources import own, real

FOUND = {
    "bob.smith+x@mail.example.co.uk": "email",
    "+49 30 1234567": "phone",
    "(555) 123-4567": "phone",
    "DE89 3704 0044 0532 0130 00": "iban",
    "GB82WEST12345698765432": "iban",
    "4111 1111 1111 1111": "card",
    "5500005555555559": "card",
    "8.8.8.8": "ip_address",
    "2001:4860:4860::8888": "ip_address",
    "2606:4700:4700:0:0:0:0:1111": "ip_address",
    "529.982.247-25": "national_id",
    "12345678Z": "national_id",
    "1 85 05 78 006 084 91": "national_id",
    "RSSMRA85T10A562S": "national_id",
    "AKIAIOSFODNN7EXAMPLE": "aws_key",
    "ghp_16C7e42F292c6912E7710c838347Ae178B4a": "github_token",
    "sk-proj-Ab3dEf6hIj9kLmN0pQrS": "api_key",
    "xoxb-2345678901-abcdefABCDEF": "slack_token",
    "hf_AbCdEfGhIjKlMnOpQrStUvWxYz012345": "huggingface_token",
    "password = 'Xk29fjKlq82hZpQ0": "assigned_secret",
    "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----": "private_key",
}
NOT_FOUND = [
    "no at sign here", "user@localhost", "version 1.2.3", "192.168.0.1", "127.0.0.1",
    "4111 1111 1111 1112", "0000 0000 0000 0000", "DE89 3704 0044 0532 0130 01",
    "12345678A", "529.982.247-26", "111.111.111-11", "RSSMRA85T10A562T",
    "XX18ZF6TZMKF97JI", "RSSMRA85T33A562T", "12345678901234567890A",
    "1234567890", "2021-05-06 07:08:09", "3.14159265358979", "1,000,000,000",
    "password: correcthorsebatterystaple", "token = aaaaaaaaaaaaaaaaaaaaaaa1",
    "sk-learn is a package", "task-force-of-the-whole-country-together",
    "999.999.999.999", "2001:db8::1", "fe80::1", "12:30:45", "2024:10:11", "2f0a::Text",
    "3c5e:22:41:0a:9f:00",
]  # fmt: skip


@pytest.mark.parametrize("text", FOUND)
def test_what_is_private_is_found_within_a_sentence(text):
    (finding,) = findings(f"Here it is: {text} and more.")

    assert finding.kind == FOUND[text]
    assert text[2:] not in finding.masked


@pytest.mark.parametrize("text", NOT_FOUND)
def test_what_only_looks_private_is_not(text):
    assert findings(f"Here it is: {text} and more.") == []


def test_redacted_text_has_labels_in_their_places():
    text = "Mail a.b@c.de, call +49 30 1234567!"

    assert redacted(text) == "Mail [EMAIL], call [PHONE]!"


@given(st.text(max_size=200))
def test_redacting_is_done_once(text):
    assert redacted(redacted(text)) == redacted(text)


@pytest.mark.parametrize("digit", range(10))
def test_a_card_with_another_last_digit_is_none(digit):
    assert bool(findings(f"411111111111111{digit}")) == (digit == 1)


def test_no_number_is_sent_anywhere_to_be_checked(monkeypatch):
    """python-stdnum can ask the registries of some countries; nothing here may."""

    def refuse(*arguments, **keywords):
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)

    for text in [*FOUND, *NOT_FOUND]:
        findings(text)


@given(st.from_regex("|".join(rule.pattern.pattern for rule in WITH_DIGITS)))
def test_any_number_of_the_form_can_be_checked(text):
    findings(text)


# What is in the sets: written there by us, or looked at by eye, where all of it has the
# form of an address or a number that somebody could have.
KNOWN = [
    own("word_problems.chat.jsonl", {}),
    own("intents.chat.jsonl", {}),
    own("identity.chat.jsonl", {}),
    own("film_talk_zh.chat.jsonl", {}),
    own("small_talk_ko.chat.jsonl", {}),
    own("quiz_ja.chat.jsonl", {}),
    own("reading_ar.chat.jsonl", {}),
    own("tool_calls.chat.jsonl", {"email": tools.EMAILS}),
    own("office_tasks.chat.jsonl", {"email": office.EMAILS, "phone": office.PHONES}),
    real("banking77.chat.jsonl", {}),
    real("gsm8k_1500.chat.jsonl", {}),
    real("identity_91.chat.jsonl", {}),
    real("kdconv_film_zh.chat.jsonl", {}),
    real("korean_chatbot_5000.chat.jsonl", {}),
    real("jcommonsenseqa_ja.chat.jsonl", {}),
    real("xquad_ar.chat.jsonl", {}),
    real("glaive_toolcall_en.chat.jsonl", {"email": 17}),
    real("user_oriented_252.chat.jsonl", {"email": 6, "phone": 1}),
]


@pytest.mark.parametrize(("source", "known"), KNOWN)
def test_what_is_private_in_whole_sets_is_counted(source, known):
    counts = {}
    for line in source.path.read_bytes().splitlines():
        for message in json.loads(line)["messages"]:
            for finding in findings(message["content"] or ""):
                counts[finding.kind] = counts.get(finding.kind, 0) + 1

    assert counts == known
