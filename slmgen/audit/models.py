from django.conf import settings
from django.db import models


class AuditEvent(models.Model):
    """One action: by whom, on what, when. Recorded are sign-ins, uploads, exports,
    deletions and new tokens of users, what support does with objects of others, and
    what the server expires.

    Never holds content. Outlives its object and its actor's account.
    """

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
    )
    actor_name = models.CharField(max_length=150)
    action = models.CharField(max_length=40)
    kind = models.CharField(max_length=40, help_text="What kind of object")
    object_id = models.CharField(max_length=64)

    class Meta:
        ordering = ("-at", "-id")
        # For the page of operations/status_page.py; no model stands for the server
        # itself.
        permissions = [("view_server_status", "Can view the status of the server")]

    def __str__(self) -> str:
        return f"{self.action} {self.kind} {self.object_id}"
