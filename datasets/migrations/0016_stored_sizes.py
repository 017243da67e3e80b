from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("datasets", "0015_work_kind_preview")]

    operations = [
        migrations.AddField(
            model_name="dataset",
            name="problems_bytes",
            field=models.BigIntegerField(
                default=0, help_text="Of the lists of problems"
            ),
        ),
        migrations.AddField(
            model_name="workitem",
            name="file_bytes",
            field=models.BigIntegerField(default=0),
        ),
    ]
