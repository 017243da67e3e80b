from django.conf import settings
from django.db import models


class Identity(models.Model):
    """Whom a token speaks of: (issuer, subject) is one local user, e-mail is not."""

    issuer = models.CharField(max_length=200)
    subject = models.UUIDField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "identities"
        constraints = [
            models.UniqueConstraint(
                fields=["issuer", "subject"], name="identity_issuer_subject"
            )
        ]

    def __str__(self) -> str:
        return f"Identity {self.pk}"
