from django.core.management import call_command
from django.db import migrations


def create(apps, schema_editor):
    alias = schema_editor.connection.alias
    call_command("createcachetable", "slmgen_cache", database=alias, verbosity=0)


class Migration(migrations.Migration):
    dependencies = [("identity", "0002_api_token")]

    operations = [migrations.RunPython(create, migrations.RunPython.noop)]
