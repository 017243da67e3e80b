"""Numbers that carry a check digit, told from numbers that only look like them."""

import re

DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
IBAN_LENGTHS = range(15, 35)
CODICE_FISCALE = re.compile(r"[A-Z0-9]{16}")
CARD_LENGTHS = frozenset({13, 14, 15, 16, 19})
# Codice fiscale: the value of a character at an odd place, from 1.
ODD = {
    **dict(zip("0123456789", (1, 0, 5, 7, 9, 13, 15, 17, 19, 21), strict=True)),
    **dict(
        zip(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
            (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16,
             10, 22, 25, 24, 23),
            strict=True,
        )
    ),
}  # fmt: skip


def _digits(text: str) -> list[int]:
    return [int(character) for character in text if character.isdigit()]


def is_card(text: str) -> bool:
    """Luhn, and not one digit repeated."""
    numbers = _digits(text)
    if len(numbers) not in CARD_LENGTHS or len(set(numbers)) == 1:
        return False
    doubled = [sum(divmod(2 * number, 10)) for number in numbers[-2::-2]]
    return (sum(numbers[-1::-2]) + sum(doubled)) % 10 == 0


def is_iban(text: str) -> bool:
    compact = text.replace(" ", "")
    if len(compact) not in IBAN_LENGTHS:
        return False
    turned = compact[4:] + compact[:4]
    return int("".join(str(int(character, 36)) for character in turned)) % 97 == 1


def is_cpf(text: str) -> bool:
    """Brazil."""
    numbers = _digits(text)
    if len(set(numbers)) == 1:
        return False
    for size in (9, 10):
        weights = range(size + 1, 1, -1)
        total = sum(w * n for w, n in zip(weights, numbers, strict=False))
        if total * 10 % 11 % 10 != numbers[size]:
            return False
    return True


def is_dni(text: str) -> bool:
    """Spain: DNI and NIE."""
    number = text[:-1].rstrip("-")
    for place, letter in enumerate("XYZ"):
        number = number.replace(letter, str(place))
    return DNI_LETTERS[int(number) % 23] == text[-1]


def is_nir(text: str) -> bool:
    """France."""
    compact = text.replace(" ", "")
    return len(compact) == 15 and 97 - int(compact[:13]) % 97 == int(compact[13:])


def is_codice_fiscale(text: str) -> bool:
    """Italy."""
    if not CODICE_FISCALE.fullmatch(text):
        return False
    odd = sum(ODD[character] for character in text[0:15:2])
    even = sum(int(c) if c.isdigit() else ord(c) - 65 for c in text[1:15:2])
    return chr(65 + (odd + even) % 26) == text[15]
