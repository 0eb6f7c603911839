"""Events say their stack and whether they are a problem in columns, which indexes find.

SQLite writes the table anew, PostgreSQL does so behind a lock: some seconds for 300,000 rows.
"""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import OuterRef, Q, Subquery
from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce, Left, NullIf


def name_stacks(apps, schema_editor):
    """Take the stack from what the engine told, else from the container that is there."""
    alias = schema_editor.connection.alias
    events, containers = (
        apps.get_model("fleet", name).objects.using(alias) for name in ("Event", "Container")
    )
    events.filter(detail__stack__isnull=False).update(stack=Left(KT("detail__stack"), 200))
    stacked = containers.exclude(compose_project="", swarm_stack="")
    named = Coalesce(NullIf("compose_project", models.Value("")), "swarm_stack")
    own = stacked.filter(host=OuterRef("host"), engine_id=OuterRef("object_id")).order_by()
    events.filter(
        object_kind="container", stack=None, object_id__in=stacked.order_by().values("engine_id")
    ).update(stack=Subquery(own.values(found=Left(named, 200))[:1]))


class Migration(migrations.Migration):

    dependencies = [
        ('fleet', '0007_saved_filters'),
    ]

    operations = [
        migrations.AddField(
            model_name='event',
            name='stack',
            field=models.CharField(blank=True, max_length=200, null=True),
        ),
        migrations.AddField(
            model_name='event',
            name='problem',
            field=models.GeneratedField(db_persist=True, expression=models.Case(models.When(models.Q(('kind__in', ('oom', 'unreachable')), models.Q(('kind', 'job'), ('to_state__in', ('failed', 'errored', 'lost'))), models.Q(('kind__in', ('health_status', 'seen')), ('to_state__in', ('unhealthy', 'dead'))), models.Q(('detail__exit_code__isnull', False), ('kind', 'die'), models.Q(('detail__exit_code__in', [0, 130, 143]), _negated=True), models.Q(('detail__exit_code__in', [130, 137, 143]), ('detail__signal__isnull', False), _negated=True)), _connector='OR'), then=models.Value(True)), default=models.Value(False)), output_field=models.BooleanField()),
        ),
        migrations.AlterField(
            model_name='event',
            name='host',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='events', to='fleet.host'),
        ),
        migrations.AddIndex(
            model_name='event',
            index=models.Index(condition=models.Q(('stack__isnull', False)), fields=['stack', '-at', '-id'], name='event_of_stack'),
        ),
        migrations.AddIndex(
            model_name='event',
            index=models.Index(condition=models.Q(('problem', True)), fields=['-at', '-id'], name='event_is_problem'),
        ),
        migrations.AddIndex(
            model_name='event',
            index=models.Index(fields=['object_name', '-at'], name='fleet_event_object__4b8872_idx'),
        ),
        # Last: PostgreSQL alters no table whose rows have changed in the same transaction.
        migrations.RunPython(name_stacks, migrations.RunPython.noop),
    ]
