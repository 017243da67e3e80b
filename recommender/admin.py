from django.contrib import admin
from django.http import HttpRequest

from recommender.models import Recommendation


@admin.register(Recommendation)
class RecommendationAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in stubs only
    list_display = ("id", "dataset", "task", "target", "created_at")
    list_select_related = ("dataset",)
    list_filter = ("task", "target")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: object | None = None
    ) -> bool:
        return False
