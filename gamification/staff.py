"""The verbs for staff tools: the catalogue, the balance of the game, and jobs."""

from __future__ import annotations

from gamification.domain.attributes import (
    MAX_ATTRIBUTES,
    MAX_NUMBER,
    MAX_TEXT,
    AttributeType,
)
from gamification.domain.categories import Category
from gamification.domain.conditions import Operator, Quantity
from gamification.domain.counting_checks import DATED
from gamification.domain.criteria import Criterion
from gamification.domain.definitions import Effect
from gamification.domain.levels import (
    MAX_LEVELS,
    Curve,
    LevelRule,
    generate_thresholds,
    make_table,
    thresholds_of,
)
from gamification.domain.rule_checks import LEAF_CRITERIA
from gamification.domain.rules import MAX_TIMES, SPANNED, AchievementStatus
from gamification.domain.seasons import SeasonState
from gamification.domain.zones import time_zones
from gamification.services.balance.recalculation.jobs import begin_recalculation
from gamification.services.balance.recalculation.preview import preview_recalculation
from gamification.services.balance.recalculation.recalculating import recalculate_xp
from gamification.services.balance.recalculation.scope import RecalculationScope
from gamification.services.balance.report import get_balance_report, last_days
from gamification.services.balance.simulation import (
    ActivityNumbers,
    RewardProposal,
    simulate_rewards,
)
from gamification.services.boosts.editing import (
    create_boost,
    delete_boost,
    edit_boost,
    end_boost,
    is_boost_used,
    undo_boost_edit,
)
from gamification.services.boosts.fields import boost_tag, check_boost, plain_boost
from gamification.services.boosts.listing import get_boosts
from gamification.services.boosts.lookup import find_boost, lock_boost
from gamification.services.boosts.preview import preview_boost
from gamification.services.catalogue.backfill.awarding import (
    backfill_achievement,
    backfill_everyone,
)
from gamification.services.catalogue.backfill.jobs import (
    begin_backfill,
    unfinished_backfills,
)
from gamification.services.catalogue.backfill.preview import preview_backfill
from gamification.services.catalogue.backfill.reach import (
    DECISIVE,
    changed_reach,
    get_reach,
    reach_problem,
)
from gamification.services.catalogue.bulk import RewardEdit, log_tuning, tune_rewards
from gamification.services.catalogue.change_log import describe_changes, key_of
from gamification.services.catalogue.defaults import restore_catalogue
from gamification.services.catalogue.drafts import draft_achievement
from gamification.services.catalogue.editing import (
    create_achievement,
    create_activity,
    edit_achievement,
    edit_activity,
    undo_edit,
)
from gamification.services.catalogue.fields.attributes import (
    check_carried,
    check_declaration,
)
from gamification.services.catalogue.fields.editable import (
    Definition,
    definition_problems,
    definition_tag,
)
from gamification.services.catalogue.files.applying import (
    apply_definitions,
    compare_definitions,
    export_definitions,
)
from gamification.services.catalogue.files.example import example_definitions
from gamification.services.catalogue.files.parsing import (
    DEFINITION_FIELDS,
    DEFINITION_MODELS,
    MAX_FILE_SIZE,
)
from gamification.services.catalogue.filters.upkeep import tend_filters
from gamification.services.catalogue.lookup import (
    lock_definition,
    lock_definitions,
    unknown_definition,
)
from gamification.services.catalogue.seeds import preview_seed_removal, remove_seeds
from gamification.services.corrections.reversals import entry_fingerprint
from gamification.services.database_errors import storage_error
from gamification.services.job_control import abandon_job, pause_job, resume_job
from gamification.services.job_steps import run_next_step
from gamification.services.jobs import find_first_job, find_job
from gamification.services.levels.describing import describe_levels
from gamification.services.levels.editing import (
    begin_releveling,
    compare_levels,
    save_levels,
)
from gamification.services.levels.parsing import read_levels
from gamification.services.levels.preview import preview_levels
from gamification.services.levels.relevel import relevel_users
from gamification.services.levels.table import get_levels, levels_tag
from gamification.services.many.acts import Act
from gamification.services.many.lists import begin_list, preview_list
from gamification.services.many.names import UserList, find_names, find_users
from gamification.services.many.periods import begin_take_back, preview_take_back
from gamification.services.many.undo import begin_undo, entries_of, undo_of
from gamification.services.players.achievements import (
    get_achievement,
    get_all_achievements,
    held_achievements,
    held_once,
    visible_achievements,
)
from gamification.services.players.explanations import get_facts
from gamification.services.players.restrictions import (
    all_restrictions,
    exclude_user,
    hold_user,
    lift_restriction,
    open_restrictions,
)
from gamification.services.players.settings import set_choices
from gamification.services.players.visibility import (
    achievements_shown,
    has_all_permissions,
    has_any_permission,
    public_users,
    sees_celebrations,
    sees_everybody,
    sees_ledgers,
    sees_secrets,
    sees_unlocks,
    visible_jobs,
    visible_users,
)
from gamification.services.streaks.definitions.editing import (
    create_streak,
    edit_streak,
    streak_tag,
)
from gamification.services.streaks.definitions.fields import check_streak
from gamification.services.streaks.definitions.preview import preview_streak
from gamification.services.streaks.freezes import grant_freezes
from gamification.services.streaks.listing import freezes_of, pauses_of, repairs_of
from gamification.services.streaks.lookup import find_streak, lock_streak
from gamification.services.streaks.pauses import pause_for as pause_streak
from gamification.services.streaks.repairs.everybody import (
    preview_repairs,
    repair_streaks,
)
from gamification.services.streaks.repairs.jobs import begin_repairs, repairs_by
from gamification.services.streaks.repairs.single import own_repairs, repair_streak
from gamification.services.streaks.status import read_streaks
from gamification.services.streaks.today import streaks_today
from gamification.services.unit_of_work import write_transaction
from gamification.services.validation import (
    MAX_ID,
    MAX_NAME,
    MAX_NOTE,
    UserRef,
    check_quantity,
    check_text,
    fingerprint,
    is_storable,
    user_id_of,
)

__all__ = [
    "DATED",
    "DECISIVE",
    "DEFINITION_FIELDS",
    "DEFINITION_MODELS",
    "LEAF_CRITERIA",
    "MAX_ATTRIBUTES",
    "MAX_FILE_SIZE",
    "MAX_ID",
    "MAX_LEVELS",
    "MAX_NAME",
    "MAX_NOTE",
    "MAX_NUMBER",
    "MAX_TEXT",
    "MAX_TIMES",
    "SPANNED",
    "AchievementStatus",
    "Act",
    "ActivityNumbers",
    "AttributeType",
    "Category",
    "Criterion",
    "Curve",
    "Definition",
    "Effect",
    "LevelRule",
    "Operator",
    "Quantity",
    "RecalculationScope",
    "RewardEdit",
    "RewardProposal",
    "SeasonState",
    "UserList",
    "UserRef",
    "abandon_job",
    "achievements_shown",
    "all_restrictions",
    "apply_definitions",
    "backfill_achievement",
    "backfill_everyone",
    "begin_backfill",
    "begin_list",
    "begin_recalculation",
    "begin_releveling",
    "begin_repairs",
    "begin_take_back",
    "begin_undo",
    "boost_tag",
    "changed_reach",
    "check_boost",
    "check_carried",
    "check_declaration",
    "check_quantity",
    "check_streak",
    "check_text",
    "compare_definitions",
    "compare_levels",
    "create_achievement",
    "create_activity",
    "create_boost",
    "create_streak",
    "definition_problems",
    "definition_tag",
    "delete_boost",
    "describe_changes",
    "describe_levels",
    "draft_achievement",
    "edit_achievement",
    "edit_activity",
    "edit_boost",
    "edit_streak",
    "end_boost",
    "entries_of",
    "entry_fingerprint",
    "example_definitions",
    "exclude_user",
    "export_definitions",
    "find_boost",
    "find_first_job",
    "find_job",
    "find_names",
    "find_streak",
    "find_users",
    "fingerprint",
    "freezes_of",
    "generate_thresholds",
    "get_achievement",
    "get_all_achievements",
    "get_balance_report",
    "get_boosts",
    "get_facts",
    "get_levels",
    "get_reach",
    "grant_freezes",
    "has_all_permissions",
    "has_any_permission",
    "held_achievements",
    "held_once",
    "hold_user",
    "is_boost_used",
    "is_storable",
    "key_of",
    "last_days",
    "levels_tag",
    "lift_restriction",
    "lock_boost",
    "lock_definition",
    "lock_definitions",
    "lock_streak",
    "log_tuning",
    "make_table",
    "open_restrictions",
    "own_repairs",
    "pause_job",
    "pause_streak",
    "pauses_of",
    "plain_boost",
    "preview_backfill",
    "preview_boost",
    "preview_levels",
    "preview_list",
    "preview_recalculation",
    "preview_repairs",
    "preview_seed_removal",
    "preview_streak",
    "preview_take_back",
    "public_users",
    "reach_problem",
    "read_levels",
    "read_streaks",
    "recalculate_xp",
    "relevel_users",
    "remove_seeds",
    "repair_streak",
    "repair_streaks",
    "repairs_by",
    "repairs_of",
    "restore_catalogue",
    "resume_job",
    "run_next_step",
    "save_levels",
    "sees_celebrations",
    "sees_everybody",
    "sees_ledgers",
    "sees_secrets",
    "sees_unlocks",
    "set_choices",
    "simulate_rewards",
    "storage_error",
    "streak_tag",
    "streaks_today",
    "tend_filters",
    "thresholds_of",
    "time_zones",
    "tune_rewards",
    "undo_boost_edit",
    "undo_edit",
    "undo_of",
    "unfinished_backfills",
    "unknown_definition",
    "user_id_of",
    "visible_achievements",
    "visible_jobs",
    "visible_users",
    "write_transaction",
]
