from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("datasets", "0012_expiry")]

    operations = [
        migrations.AddField(
            model_name="workitem",
            name="sent_at",
            field=models.DateTimeField(
                blank=True,
                help_text="When its last message was sent to Celery",
                null=True,
            ),
        ),
    ]
