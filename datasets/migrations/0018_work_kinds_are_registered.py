from django.db import migrations, models

import datasets.models


class Migration(migrations.Migration):
    dependencies = [("datasets", "0017_dataset_room_index")]

    operations = [
        migrations.AlterField(
            model_name="workitem",
            name="kind",
            field=models.CharField(
                choices=datasets.models.work_kinds, max_length=8
            ),
        ),
    ]
