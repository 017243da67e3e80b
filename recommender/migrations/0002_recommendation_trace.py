from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("recommender", "0001_recommendation")]

    operations = [
        migrations.AddField(
            model_name="recommendation",
            name="trace",
            field=models.JSONField(default=dict),
        ),
    ]
