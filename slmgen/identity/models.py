from django.conf import settings
from django.db import models
from django.utils import timezone


class Identity(models.Model):
    """Maps the (issuer, subject) of a token to one local user. Emails identify
    nobody."""

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


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def kept(self) -> "ApiTokenQuerySet":
        return self.filter(revoked_at=None)

    def alive(self) -> "ApiTokenQuerySet":
        return self.kept().filter(expires_at__gt=timezone.now())


class ApiToken(models.Model):
    """A token that a user created for a program. Only its hash is stored."""

    class Scope(models.TextChoices):
        READ = "read", "Read"
        WRITE = "write", "Read and write"

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+"
    )
    name = models.CharField(max_length=100)
    scope = models.CharField(max_length=5, choices=Scope, default=Scope.READ)
    hash = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        verbose_name = "API token"
        ordering = ("-created_at", "-id")

    def __str__(self) -> str:
        return f"API token {self.pk}"

    @property
    def is_expired(self) -> bool:
        return self.expires_at <= timezone.now()
