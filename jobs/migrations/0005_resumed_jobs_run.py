from django.db import migrations


def run_again(apps, schema_editor):
    """A completed job whose notebook began once more was shown as running, and listed
    as completed. Those that a person completed stay so."""
    by_hand = apps.get_model("jobs", "JobEvent").objects.filter(
        kind="moved", status="completed"
    )
    resumed = apps.get_model("jobs", "Job").objects.filter(
        status="completed",
        training_run__started_at__isnull=False,
        training_run__ended_at=None,
    )
    ids = resumed.exclude(pk__in=by_hand.values("job")).values_list("pk", flat=True)
    resumed.filter(pk__in=list(ids)).update(status="running")


class Migration(migrations.Migration):
    dependencies = [("jobs", "0004_ordered_json")]
    operations = [migrations.RunPython(run_again, migrations.RunPython.noop)]
