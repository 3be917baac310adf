from __future__ import annotations

from django.db import migrations
from django.db.migrations.state import ModelState

from tests.hosts.people import models


def make_schema(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("CREATE SCHEMA people")


def create(model):
    state = ModelState.from_model(model)
    fields = [*state.fields.items()]
    return migrations.CreateModel(
        state.name, fields, state.options, state.bases, state.managers
    )


class Migration(migrations.Migration):
    """Creates the tables as the models are now: they are the tests' alone."""

    initial = True
    dependencies = [("auth", "0012_alter_user_first_name_max_length")]
    operations = [
        migrations.RunPython(make_schema),
        create(models.Contact),
        *map(create, models.Person.__subclasses__()),
    ]
