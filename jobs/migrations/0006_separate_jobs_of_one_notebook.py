from django.db import migrations
from django.db.models import Count


def separate(apps, schema_editor):
    """Of the jobs that one owner has of one notebook, the first that was trained keeps
    it, else the oldest; the others stay without it."""
    jobs = apps.get_model("jobs", "Job").objects
    doubled = (
        jobs.exclude(notebook=None)
        .order_by()
        .values("owner", "notebook")
        .annotate(count=Count("pk"))
        .filter(count__gt=1)
    )
    for pair in list(doubled):
        same = jobs.filter(owner=pair["owner"], notebook=pair["notebook"])
        oldest = list(same.order_by("created_at", "pk"))
        trained = same.filter(training_run__started_at__isnull=False)
        known = set(trained.values_list("pk", flat=True))
        kept = next((job for job in oldest if job.pk in known), oldest[0])
        same.exclude(pk=kept.pk).update(notebook=None)


class Migration(migrations.Migration):
    dependencies = [("jobs", "0005_resumed_jobs_run")]
    operations = [migrations.RunPython(separate, migrations.RunPython.noop)]
