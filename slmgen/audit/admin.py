from django.contrib import admin

from slmgen.audit.models import AuditEvent
from slmgen.read_only import ReadOnlyAdmin


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    list_display = ("at", "actor_name", "action", "kind", "object_id")
    list_filter = ("action", "kind", "at")
    search_fields = ("actor_name", "object_id")
