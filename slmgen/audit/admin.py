from django.contrib import admin

from slmgen.audit.models import AuditEvent
from slmgen.support.read_only_admin import ReadOnlyAdmin


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    list_display = ("at", "actor_name", "action", "kind", "object_id")
    list_filter = ("action", "kind", "at")
    search_fields = ("actor_name", "object_id")
