from django.contrib import admin

from recommender.models import Recommendation
from slmgen.support.read_only_admin import ReadOnlyAdmin


@admin.register(Recommendation)
class RecommendationAdmin(ReadOnlyAdmin):
    list_display = ("id", "dataset", "task", "target", "created_at")
    list_select_related = ("dataset",)
    list_filter = ("task", "target")
