from django.contrib import admin

from recommender.models import Recommendation
from slmgen.read_only import ReadOnlyAdmin


@admin.register(Recommendation)
class RecommendationAdmin(ReadOnlyAdmin):
    list_display = ("id", "dataset", "task", "target", "created_at")
    list_select_related = ("dataset",)
    list_filter = ("task", "target")
