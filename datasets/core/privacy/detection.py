"""Finds personal data and secrets in a text by shape and check digit, and masks them."""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address

from stdnum import iban, luhn
from stdnum.br import cpf
from stdnum.es import dni, nie
from stdnum.fr import nir
from stdnum.it import codicefiscale


@dataclass(frozen=True)
class Finding:
    kind: str
    start: int
    end: int
    masked: str  # safe to show


@dataclass(frozen=True)
class _Rule:
    kind: str
    signs: tuple[str, ...]  # every match contains one of these
    pattern: re.Pattern[str]
    accepts: Callable[[str], bool] = bool


def _rule(
    kind: str, signs: str, pattern: str, accepts: Callable[[str], bool] = bool
) -> _Rule:
    return _Rule(kind, tuple(signs.split()), re.compile(pattern), accepts)


# Patterns are longer than a line may be, and not easier to read when split.
# ruff: noqa: E501
MIN_ENTROPY_BITS = 3.5  # per character; words have less, random keys more
LEFT, RIGHT = r"(?<![A-Za-z0-9_])", r"(?![A-Za-z0-9_])"


ASSIGNMENT = re.compile(r"[=:]\s*[\"']?")
CARD_LENGTHS = frozenset({13, 14, 15, 16, 19})


def _is_random(text: str) -> bool:
    counts = Counter(text)
    shares = [count / len(text) for count in counts.values()]
    return -sum(share * math.log2(share) for share in shares) >= MIN_ENTROPY_BITS


def _assigned(text: str) -> bool:
    value = ASSIGNMENT.split(text, maxsplit=1)[1]
    mixed = any(c.isdigit() for c in value) and any(c.isalpha() for c in value)
    return mixed and _is_random(value)


def _is_address(text: str) -> bool:
    try:
        return ip_address(text).is_global
    except ValueError:
        return False


def _is_card(text: str) -> bool:
    number = "".join(str(int(each)) for each in text if each.isdigit())
    is_varied = len(set(number)) > 1
    return is_varied and len(number) in CARD_LENGTHS and luhn.is_valid(number)


def _is_iban(text: str) -> bool:
    # stdnum's check of a country would import a module named by the text.
    return iban.is_valid(text, check_country=False)


def _is_cpf(text: str) -> bool:
    is_varied = len({each for each in text if each.isdigit()}) > 1
    return is_varied and cpf.is_valid(text)


def _is_dni(text: str) -> bool:
    return dni.is_valid(text) or nie.is_valid(text)


def _is_phone(text: str) -> bool:
    count = sum(character.isdigit() for character in text)
    return 8 <= count <= 15


SECRETS = (
    _rule("private_key", "-----BEGIN",
          r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"),
    _rule("aws_key", "AKIA ASIA", LEFT + r"(?:AKIA|ASIA)[0-9A-Z]{16}" + RIGHT),
    _rule("github_token", "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_",
          LEFT + r"(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{50,})" + RIGHT),
    _rule("gitlab_token", "glpat-", LEFT + r"glpat-[A-Za-z0-9_-]{20,}"),
    _rule("slack_token", "xox", LEFT + r"xox[abprs]-[A-Za-z0-9-]{10,}"),
    _rule("stripe_key", "_live_ _test_", LEFT + r"[sr]k_(?:live|test)_[A-Za-z0-9]{16,}" + RIGHT),
    _rule("api_key", "sk-", LEFT + r"sk-(?:ant-|proj-)?[A-Za-z0-9_-]{20,}", _is_random),
    _rule("google_key", "AIza", LEFT + r"AIza[0-9A-Za-z_-]{35}"),
    _rule("huggingface_token", "hf_", LEFT + r"hf_[A-Za-z0-9]{30,}" + RIGHT),
    _rule("npm_token", "npm_", LEFT + r"npm_[A-Za-z0-9]{36}" + RIGHT),
    _rule("sendgrid_key", "SG.", LEFT + r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
    _rule("jwt", "eyJ", r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{10,}+\.eyJ[A-Za-z0-9_-]{10,}+\.[A-Za-z0-9_-]{10,}"),
    _rule("assigned_secret", "assw ecret oken _key -key ASSW ECRET OKEN _KEY api",
          r"(?i:passw(?:or)?d|secret|token|api[_-]?key|access[_-]?key)[\"']?\s*[=:]\s*[\"']?"
          r"[A-Za-z0-9+/_=.-]{16,128}(?![A-Za-z0-9+/_=.-])", _assigned),
)  # fmt: skip

WITH_SIGNS = (
    _rule("email", "@",
          r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}@"
          r"(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24}(?![A-Za-z0-9-])"),
)  # fmt: skip
WITH_DOTS = (
    _rule("ip_address", "", r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])", _is_address),
)
# 2000::/3 is all of IPv6 that is assigned; other groups with colons are rarely
# addresses.
WITH_COLONS = (
    _rule("ip_address", "", r"(?<![\w:.])[23][0-9A-Fa-f]{3}:[0-9A-Fa-f:]{1,33}[0-9A-Fa-f](?!\w)", _is_address),
)  # fmt: skip
WITH_DIGITS = (
    _rule("card", "", r"(?<![\d.-])[3-6]\d{3}(?:[ -]?\d{4}){2}[ -]?\d{1,7}(?![\d.-])",
          _is_card),
    _rule("national_id", "", LEFT + r"\d{3}\.\d{3}\.\d{3}-\d{2}" + RIGHT, _is_cpf),
    _rule("national_id", "", LEFT + r"(?:[XYZ]\d{7}|\d{8})-?[A-Z]" + RIGHT, _is_dni),
    _rule("national_id", "", LEFT + r"[12] ?\d{2} ?(?:0[1-9]|1[0-2]) ?\d{2} ?\d{3} ?\d{3} ?\d{2}"
          + RIGHT, nir.is_valid),
    _rule("phone", "", r"(?<![\w+])\+[1-9]\d{0,2}+(?:[ .-]?+\(?+\d{1,4}+\)?+){2,5}(?!\d)", _is_phone),
    _rule("phone", "", r"(?<![\w.+-])(?:\(\d{3}\) ?|\d{3}[-.])\d{3}[-.]\d{4}(?![\w-])", _is_phone),
)  # fmt: skip
CODES = (
    _rule("iban", "", LEFT + r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?" + RIGHT,
          _is_iban),
    _rule("national_id", "", LEFT + r"[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z]" + RIGHT,
          codicefiscale.is_valid),
)  # fmt: skip

COLONS = re.compile(r"[23][0-9A-Fa-f]{3}:[0-9A-Fa-f]{0,4}:")
DOTTED = re.compile(r"\d\.\d{1,3}\.\d")
MANY_DIGITS = re.compile(r"\d(?:[ .()-]{0,2}\d){6}")
CODE = re.compile(r"[A-Z]{2}\d{2}")


def findings(text: str) -> list[Finding]:
    """All findings, in order and without overlap; secrets take precedence over personal
    data."""
    found = [
        Finding(rule.kind, match.start(), match.end(), mask(match[0]))
        for rule in _worth_trying(text)
        for match in rule.pattern.finditer(text)
        if rule.accepts(match[0])
    ]
    kept: list[Finding] = []
    for finding in sorted(found, key=lambda each: (each.start, -each.end)):
        if not kept or finding.start >= kept[-1].end:
            kept.append(finding)
    return kept


def _worth_trying(text: str) -> Iterator[_Rule]:
    for rule in (*SECRETS, *WITH_SIGNS):
        if any(sign in text for sign in rule.signs):
            yield rule
    if DOTTED.search(text):
        yield from WITH_DOTS
    if COLONS.search(text):
        yield from WITH_COLONS
    if MANY_DIGITS.search(text):
        yield from WITH_DIGITS
    if CODE.search(text):
        yield from CODES


def mask(text: str) -> str:
    """Its first two characters and its length."""
    return f"{text[:2]}…({len(text)} characters)"


def redacted(text: str) -> str:
    """The text with a label such as [EMAIL] in place of each finding."""
    parts, end = [], 0
    for finding in findings(text):
        parts += [text[end : finding.start], f"[{finding.kind.upper()}]"]
        end = finding.end
    return "".join([*parts, text[end:]])


SECRET_KINDS = frozenset(rule.kind for rule in SECRETS)
