from __future__ import annotations

import django.contrib.auth.models
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = [("auth", "0012_alter_user_first_name_max_length")]
    operations = [
        migrations.CreateModel(
            name="Tutor",
            fields=[
                (
                    "link",
                    models.OneToOneField("auth.User", models.CASCADE, parent_link=True),
                ),
                ("number", models.BigAutoField(primary_key=True, serialize=False)),
            ],
            options={"verbose_name": "user", "verbose_name_plural": "users"},
            bases=("auth.user",),
            managers=[("objects", django.contrib.auth.models.UserManager())],
        ),
        migrations.CreateModel(
            name="Regular",
            fields=[],
            options={"proxy": True, "indexes": [], "constraints": []},
            bases=("auth.user",),
            managers=[("objects", django.contrib.auth.models.UserManager())],
        ),
    ]
