"""The other packages: what they need, and what a call does."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.recording import BATCH
from benchmarks.recording import FILL as OUR_FILL

#: The same users as in our own database.
USERS = OUR_FILL.split(";")[0]

#: Points of users, spread as those of ``boards.py`` are.
POINTS = "10 + (power(random(), 3) * 90000)::bigint / 10 * 10"


@dataclass(frozen=True)
class Way:
    """One way to record with a package."""

    name: str
    #: The class in ``clients.py``.
    client: str
    does: str
    #: SQL that reads the counter that racing calls raise.
    kept: str = ""
    #: Records that one call writes.
    batch: int = 1


@dataclass(frozen=True)
class Peer:
    """A package, and a site that uses it, with users who have a little history."""

    name: str
    version: str
    #: The newest Python and Django that it runs with.
    python: str
    needs: tuple[str, ...]
    fill: str
    ways: tuple[Way, ...]
    #: What the package offers as boards, or why it has none.
    boards: str
    database: str


PINAX = Peer(
    name="pinax-points",
    version="2.0.0",
    python="3.10",
    needs=("Django>=3.2,<4", "psycopg2-binary"),
    database="bench_pinax",
    fill=f"""
INSERT INTO pinax_points_pointvalue (key, value) VALUES ('kpi_completed', 10);
INSERT INTO pinax_points_targetstat (target_user_id, points, level)
SELECT i, {POINTS}, 1 FROM generate_series(1, %(users)s) i;
UPDATE pinax_points_targetstat t SET position = r.position
FROM (SELECT id, rank() OVER (ORDER BY points DESC) AS position
      FROM pinax_points_targetstat) r WHERE r.id = t.id;
INSERT INTO pinax_points_awardedpointvalue
    (target_user_id, value_id, reason, points, timestamp)
SELECT target_user_id, v.id, '', n * 10,
    now() - random() * (CASE n WHEN 1 THEN 1 ELSE 60 END) * interval '1 day'
FROM pinax_points_targetstat CROSS JOIN generate_series(1, 2) n
    CROSS JOIN pinax_points_pointvalue v;
""",
    ways=(
        Way(
            "`award_points`",
            "AwardPoints",
            "Adds a row and the points, and numbers the users between the old and the "
            "new points anew. No keys, no streaks; the level is a column that "
            "nothing sets.",
            "SELECT points FROM pinax_points_targetstat WHERE target_user_id = 1",
        ),
    ),
    boards="`fetch_top_objects`; a user's rank is a stored column, for all time only",
)

GAMIFICATION = Peer(
    name="django-gamification",
    version="0.3.2",
    python="3.11",
    needs=("Django>=4.2,<5", "psycopg[binary]"),
    database="bench_gamification",
    fill="""
INSERT INTO django_gamification_gamificationinterface (id)
SELECT i FROM generate_series(1, %(users)s) i;
INSERT INTO django_gamification_badgedefinition (id, name, progression_target)
VALUES (1, 'Many tasks', 1000000);
INSERT INTO django_gamification_progression (id, progress, target)
SELECT i, 200, 1000000 FROM generate_series(1, %(users)s) i;
INSERT INTO django_gamification_badge
    (badge_definition_id, acquired, revoked, interface_id, name, progression_id)
SELECT 1, FALSE, FALSE, i, 'Many tasks', i FROM generate_series(1, %(users)s) i;
INSERT INTO django_gamification_unlockabledefinition (id, name, points_required)
VALUES (1, 'A colour', 5000);
INSERT INTO django_gamification_unlockable
    (unlockable_definition_id, acquired, interface_id, name, points_required)
SELECT 1, FALSE, i, 'A colour', 5000 FROM generate_series(1, %(users)s) i;
INSERT INTO django_gamification_pointchange (amount, interface_id, time)
SELECT 1650, i, now() - n * interval '1 day'
FROM generate_series(1, %(users)s) i CROSS JOIN generate_series(1, 2) n;
""",
    ways=(
        Way(
            "points alone: `PointChange.objects.create`",
            "ChangePoints",
            "Adds a row, sums up all rows of the user, and unlocks what has its price. "
            "No keys, no streaks, no levels.",
            "SELECT sum(amount) / 10 FROM django_gamification_pointchange "
            "WHERE interface_id = 1",
        ),
        Way(
            "points and the progress of a badge: `Badge.increment` and `save`",
            "ChangePointsAndProgress",
            "The same, and counts towards one badge: reads, adds one in Python, saves. "
            "No keys, no streaks, no levels.",
            "SELECT progress FROM django_gamification_progression WHERE id = 1",
        ),
    ),
    boards="has none",
)

BADGIFY = Peer(
    name="django-badgify",
    version="0.6.0",
    python="3.11",
    needs=("Django>=5.2,<5.3", "psycopg[binary]"),
    database="bench_badgify",
    fill="""
INSERT INTO badgify_badge (name, slug, description, users_count)
SELECT CASE i WHEN 0 THEN 'shared' ELSE 'drawn' END, 'badge-' || i, '', 0
FROM generate_series(0, 100) i;
""",
    ways=(
        Way(
            "`Award.objects.create`",
            "Award",
            "Gives one of 100 badges to a user and adds one to the count of the badge. "
            "A badge and a user are unique together. No points, streaks or levels.",
            "SELECT users_count FROM badgify_badge WHERE name = 'shared'",
        ),
        Way(
            "a recipe for 10,000 users, without its signals",
            "AwardByRecipe",
            "Compares all users who qualify with those who have the badge, in Python, "
            "adds the rows that are missing, and counts. No points, streaks or levels.",
            batch=BATCH,
        ),
    ),
    boards="has none",
)

PEERS = (PINAX, GAMIFICATION, BADGIFY)

#: Descriptions of the ways of ``recording.py``.
OURS = {
    "raw prepared statement per record": "Writes the same rows as "
    "`record_activity`, in one statement that decides nothing: no rules, no "
    "achievements; a key that comes twice is refused by its index.",
    "raw set-based SQL, 10,000 a batch": "The same for a batch. It locks its users "
    "until it ends, so that two batches with users in common take turns.",
    "raw set-based SQL, 10,000 a batch, each client half of the users": "The same, "
    "where no batch waits for another.",
    "record_activity": "Keeps an idempotency key, XP, level, streak, tally and active "
    "day, and tells the boards; decides limits, achievements and freezes; stores the "
    "outcome. A key that comes again returns the first outcome. Its own statements "
    "are sent prepared.",
    "record_activity, prepared statements": "The same, where Django, too, prepares "
    "what it sends.",
    "record_activities, 10,000 a batch": "The same for each record of a batch.",
}
