from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("datasets", "0010_move_analyses_to_work_items")]
    operations = [
        migrations.DeleteModel(name="Insight"),
        migrations.DeleteModel(name="Analysis"),
    ]
