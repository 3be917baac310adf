"""Call another package, in the virtual environment and with the Django that it needs.

``environments.py`` starts this file as a script. It imports nothing of this project,
and runs on Python 3.8. Each task prints one line of JSON. ``write`` and
``meet`` first say that they are ready and wait for a line, so that clients start
together.
"""

from __future__ import annotations

import json
import logging
import random
import sys
import time
from datetime import timedelta
from statistics import median
from urllib.parse import unquote, urlsplit

#: Seconds that all answers to one question about a board may take together.
PATIENCE = 4.0


def set_up_django(url, app, **settings):
    """Configure a site that has nothing but users and one package."""
    import django
    from django.conf import settings as site

    parts = urlsplit(url)
    site.configure(
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": parts.path[1:],
                "USER": unquote(parts.username or ""),
                "PASSWORD": unquote(parts.password or ""),
                "HOST": unquote(parts.hostname or ""),
                "PORT": parts.port or "",
                "OPTIONS": {"options": "-c synchronous_commit=off"},
                "CONN_MAX_AGE": None,
            }
        },
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", app],
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        LOGGING_CONFIG=None,
        **settings,
    )
    logging.disable(logging.CRITICAL)
    django.setup()


class Client:
    """One way to call a package."""

    app = ""
    settings = {"USE_TZ": True}  # noqa: RUF012

    def __init__(self, url, users, seed):
        set_up_django(url, self.app, **self.settings)
        self.users, self.random = users, random.Random(seed)
        self.prepare()

    def prepare(self):
        """Fetch what a site would have at hand."""

    def draw(self):
        return self.random.randint(1, self.users)

    def write(self):
        """Record for a user drawn at random; return the number of records."""
        self.record(self.draw())
        return 1

    def meet(self, turn):
        """Write what collides with the other clients."""
        self.record(1)

    def record(self, user):
        raise NotImplementedError

    def boards(self):
        """Return the question about each board, by name."""
        return {}


class AwardPoints(Client):
    app = "pinax.points"
    #: The package saves times without a zone.
    settings = {"USE_TZ": False}  # noqa: RUF012

    def prepare(self):
        from django.contrib.auth import get_user_model
        from pinax.points import models

        self.points, self.model, self.user = (
            models,
            get_user_model(),
            get_user_model()(),
        )

    def record(self, user):
        self.user.pk = user
        self.points.award_points(self.user, "kpi_completed")

    def top(self, period):
        return list(self.points.fetch_top_objects(self.model, period)[:50])

    def position(self):
        stat = self.points.TargetStat.objects.get(target_user_id=self.draw())
        return stat.position, stat.points

    def boards(self):
        return {
            "all time": (lambda: self.top(None), self.position),
            "last 7 days": (lambda: self.top(timedelta(days=7)), None),
        }


class ChangePoints(Client):
    app = "django_gamification"

    def prepare(self):
        # Without its receivers nothing is ever unlocked; the package leaves it to the
        # site to load them.
        import django_gamification.signals  # noqa: F401
        from django_gamification import models

        self.models, self.interface = models, models.GamificationInterface()

    def record(self, user):
        self.interface.pk = user
        self.models.PointChange.objects.create(amount=10, interface=self.interface)


class ChangePointsAndProgress(ChangePoints):
    def record(self, user):
        super().record(user)
        badges = self.models.Badge.objects.select_related("progression")
        badge = badges.get(interface_id=user)
        badge.increment()
        badge.progression.save()
        badge.save()


class Award(Client):
    app = "badgify"

    def prepare(self):
        from badgify import models

        self.model = models.Award
        self.badges = list(models.Badge.objects.filter(name="drawn"))
        self.shared = models.Badge.objects.get(name="shared")

    def record(self, user):
        badge = self.random.choice(self.badges)
        self.model.objects.create(user_id=user, badge=badge)

    def meet(self, turn):
        self.model.objects.create(user_id=turn, badge=self.shared)


class AwardByRecipe(Award):
    """Award a new badge to 10,000 users, as its manual does for the best speed."""

    def write(self):
        from badgify.recipe import BaseRecipe
        from django.contrib.auth import get_user_model

        first = self.random.randint(1, max(1, self.users - 9_999))
        among = get_user_model().objects.filter(pk__range=(first, first + 9_999))
        name = f"recipe-{self.random.getrandbits(60)}"
        ids = among.values_list("id", flat=True)
        attributes = {"name": name, "slug": name, "image": None, "user_ids": ids}
        recipe = type("Recipe", (BaseRecipe,), attributes)()
        recipe.create_badge()
        recipe.create_awards(post_save_signal=False)
        recipe.update_badge_users_count()
        return recipe.badge.users_count


CLIENTS = {
    each.__name__: each
    for each in (
        AwardPoints,
        ChangePoints,
        ChangePointsAndProgress,
        Award,
        AwardByRecipe,
    )
}


def wait_for_the_others():
    print(json.dumps("ready"), flush=True)
    sys.stdin.readline()


def attempt(call, *arguments):
    """Return how many records a call made: 0 if the database refused it."""
    from django.db import DatabaseError

    try:
        return call(*arguments)
    except DatabaseError:
        return 0


def write(client, seconds):
    """Return the records per second."""
    attempt(client.write)
    wait_for_the_others()
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < float(seconds):
        count += attempt(client.write)
    return count / (time.perf_counter() - start)


def meet(client, first, calls):
    """Return how many calls succeeded."""

    def call(turn):
        client.meet(turn)
        return 1

    wait_for_the_others()
    turns = range(int(first), int(first) + int(calls))
    return sum(attempt(call, turn) for turn in turns)


def milliseconds(question, calls):
    """Return the median time of a question, or None if there is no question."""
    times, begin = [], time.perf_counter()
    while question and len(times) < calls:
        start = time.perf_counter()
        question()
        times.append(1e3 * (time.perf_counter() - start))
        if time.perf_counter() - begin > PATIENCE:
            break
    return median(times) if times else None


def boards(client, calls):
    """Return the times of the top page and of one rank, by board."""
    return {
        name: [milliseconds(question, int(calls)) for question in questions]
        for name, questions in client.boards().items()
    }


def migrate(client_class, url):
    """Make the tables; return the versions of the software that runs here."""
    set_up_django(url, client_class.app, **client_class.settings)
    import django
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    driver = connection.Database
    return {
        "Python": ".".join(map(str, sys.version_info[:3])),
        "Django": django.__version__,
        "driver": f"{driver.__name__} {driver.__version__.split()[0]}",
    }


def main():
    task, name, url, users, seed, *arguments = sys.argv[1:]
    if task == "migrate":
        answer = migrate(CLIENTS[name], url)
    else:
        client = CLIENTS[name](url, int(users), int(seed))
        answer = {"write": write, "meet": meet, "boards": boards}[task](
            client, *arguments
        )
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
