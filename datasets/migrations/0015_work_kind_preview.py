from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("datasets", "0014_work_failure_shown")]

    operations = [
        migrations.AlterField(
            model_name="workitem",
            name="kind",
            field=models.CharField(
                choices=[
                    ("analysis", "Analysis"),
                    ("insights", "The closer look"),
                    ("export", "The export"),
                    ("preview", "The preview of the repair"),
                    ("repair", "The repair"),
                    ("notebook", "The notebook"),
                ],
                max_length=8,
            ),
        ),
    ]
