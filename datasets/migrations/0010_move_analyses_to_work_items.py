from django.db import migrations

TAKEN = ("state", "progress", "fence", "attempts", "lease_until")


def to_work_items(apps, schema_editor):
    work_item = apps.get_model("datasets", "WorkItem")
    for analysis in apps.get_model("datasets", "Analysis").objects.iterator():
        done = analysis.state == "done"
        work_item.objects.create(
            dataset_id=analysis.dataset_id,
            kind="analysis",
            file=f"datasets/{analysis.dataset_id}/index" if done else "",
            result=analysis.profile,
            **{name: getattr(analysis, name) for name in TAKEN},
        )
    for insight in apps.get_model("datasets", "Insight").objects.iterator():
        work_item.objects.create(
            dataset_id=insight.dataset_id,
            kind="insights",
            result=insight.report,
            **{name: getattr(insight, name) for name in TAKEN},
        )


def from_work_items(apps, schema_editor):
    """Indexes are made again: the older version knows one name for them."""
    analysis, insight = (apps.get_model("datasets", n) for n in ("Analysis", "Insight"))
    for item in apps.get_model("datasets", "WorkItem").objects.iterator():
        if item.kind == "analysis":
            analysis.objects.create(dataset_id=item.dataset_id)
        if item.kind == "insights":
            insight.objects.create(dataset_id=item.dataset_id)


class Migration(migrations.Migration):
    dependencies = [("datasets", "0009_work_item")]
    operations = [migrations.RunPython(to_work_items, from_work_items)]
