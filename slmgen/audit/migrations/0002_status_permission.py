from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_audit_event")]

    operations = [
        migrations.AlterModelOptions(
            name="auditevent",
            options={
                "ordering": ("-at", "-id"),
                "permissions": [
                    ("view_server_status", "Can view the status of the server")
                ],
            },
        ),
    ]
