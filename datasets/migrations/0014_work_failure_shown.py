from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("datasets", "0013_work_sent_at")]

    operations = [
        migrations.AddField(
            model_name="workitem",
            name="failure_shown",
            field=models.BooleanField(
                default=False,
                help_text="Whoever asked was told; asking again starts it again",
            ),
        ),
    ]
