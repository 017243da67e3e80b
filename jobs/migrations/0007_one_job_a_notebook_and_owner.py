from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0006_separate_jobs_of_one_notebook")]
    operations = [
        migrations.AddConstraint(
            model_name="job",
            constraint=models.UniqueConstraint(
                fields=("owner", "notebook"), name="one_job_a_notebook_and_owner"
            ),
        )
    ]
