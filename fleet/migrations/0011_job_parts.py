"""Jobs that move bytes say how many, and how far each of their parts is."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('fleet', '0010_images'),
    ]

    operations = [
        migrations.CreateModel(
            name='JobParts',
            fields=[
                ('job', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='measured', serialize=False, to='fleet.job')),
                ('parts', models.JSONField(default=list)),
            ],
        ),
        migrations.AddField(
            model_name='job',
            name='bytes_done',
            field=models.BigIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='job',
            name='bytes_per_second',
            field=models.BigIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='job',
            name='bytes_total',
            field=models.BigIntegerField(blank=True, null=True),
        ),
    ]
