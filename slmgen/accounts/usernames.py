from django.core.validators import RegexValidator

# Letters of one script: "admіn" with a Cyrillic letter looks like another name. Without
# "@": a username that is an email address would be taken for the account of its owner.
USERNAME = RegexValidator(
    r"\A[A-Za-z0-9][A-Za-z0-9._-]*\Z",
    "A username holds letters from A to Z, digits, dots, hyphens and underscores, and "
    "begins with a letter or a digit.",
)
VALIDATORS = [USERNAME]
