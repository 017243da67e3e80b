from django.conf import settings
from django.db import models


class AuditEvent(models.Model):
    """What was done: by whom, to what and when. Users sign in, upload, export,
    delete and make tokens; support does things with what is not theirs; the server
    lets data expire.

    Never any content. It outlives its object and the account of its actor.
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
        # Of the page in operations/status_page.py: no model is the server itself.
        permissions = [("view_server_status", "Can view the status of the server")]

    def __str__(self) -> str:
        return f"{self.action} {self.kind} {self.object_id}"
