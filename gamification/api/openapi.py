"""Describes the operations to drf-spectacular, which only this module knows.

All names that the description adds to a site's schema (components, ids of operations
and tags) begin with ``gamification``, so that they never clash with the site's own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from operator import itemgetter
from typing import Any, Final, cast

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent, safe_ref
from drf_spectacular.settings import spectacular_settings
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse

from gamification.api.exceptions import (
    CONTENT_TYPE,
    ProblemSerializer,
    problem,
    status_for,
)
from gamification.api.fields import BodySerializer, QuerySerializer, RequestSerializer
from gamification.api.operations import Header, OperationSpec, spec_of
from gamification.api.preconditions import IF_MATCH, PreconditionRequired
from gamification.api.rule_fields import RuleField, with_nullable
from gamification.api.serializers import ResponseSerializer
from gamification.api.views.achievements.explanations import BLOCKERS
from gamification.api.views.achievements.serializers import (
    CATEGORIES,
    CRITERIA,
    PERIODS,
    SEASON_STATES,
    STATUSES,
)
from gamification.api.views.boosts.serializers import STATES as BOOST_STATES
from gamification.api.views.jobs.serializers import STARTABLE_KINDS
from gamification.api.views.users.serializers import STREAK_STATES
from gamification.api.views.users.streak_serializers import FREEZE_KINDS, UNITS
from gamification.leaderboards import PeriodState, Ranking, Window
from gamification.models import (
    ActiveDay,
    CelebrationMode,
    JobKind,
    JobState,
    RestrictionKind,
)
from gamification.services import CelebrationKind, EntryKind, WithheldReason

_PREFIX: Final = "Gamification"

_IF_NONE_MATCH: Final = Header(
    "If-None-Match",
    "The ETag of the last response. The status is 304 if nothing has changed.",
)
_ETAG: Final = Header("ETag", "The version, for If-None-Match.")
_RETRY_AFTER: Final = Header(
    "Retry-After", "Seconds to wait before the next try.", schema={"type": "integer"}
)

#: Problems that every operation may return.
_COMMON: Final = (
    (400, "invalid", "The request is invalid."),
    (400, "parse_error", "The query cannot be read."),
    (401, "not_authenticated", "Authentication credentials were not provided."),
    (401, "authentication_failed", "Invalid token."),
    (403, "permission_denied", "You do not have permission to do this."),
    (404, "not_found", "Nothing exists at this address."),
    (429, "throttled", "Request was throttled."),
    (500, "storage_setup", "A table is missing: run `manage.py migrate`."),
    (503, "storage_error", "The database is not available."),
)
_WITH_BODY: Final = (
    (413, "body_too_large", "The body is larger than 2 MiB."),
    (415, "unsupported_media_type", "Unsupported media type."),
)

#: Names of the sets of choices in bodies and responses.
CHOICES: Final[Mapping[tuple[str, ...], str]] = {
    tuple(values): name
    for name, values in {
        "AchievementCategory": CATEGORIES,
        "AchievementStatus": STATUSES,
        "ActiveDayKind": ActiveDay.Kind.values,
        "BoostState": BOOST_STATES,
        "CelebrationKind": CelebrationKind.values,
        "CelebrationMode": CelebrationMode.values,
        "Criterion": CRITERIA,
        "EntryKind": EntryKind.values,
        "ExplanationBlocker": BLOCKERS,
        "FreezeKind": FREEZE_KINDS,
        "JobKind": JobKind.values,
        "JobState": JobState.values,
        "LeaderboardRanking": Ranking.values,
        "LeaderboardState": PeriodState.values,
        "LeaderboardWindow": Window.values,
        "RepeatPeriod": PERIODS,
        "RestrictionKind": RestrictionKind.values,
        "SeasonState": SEASON_STATES,
        "StreakState": STREAK_STATES,
        "StreakUnit": UNITS,
        "StartableJobKind": STARTABLE_KINDS,
        "WithheldReason": WithheldReason.values,
    }.items()
}


class OperationSchema(AutoSchema):
    """Describes an operation of this API from its spec."""

    @property
    def spec(self) -> OperationSpec:
        spec = spec_of(self.view)
        assert spec is not None, self.path  # noqa: S101 - each operation has one
        return spec

    def get_operation_id(self) -> str:
        words = self._words()
        action = str(self.view.action)  # type: ignore[attr-defined]
        if action.startswith(words[-1]):
            words = words[:-1]
        return "_".join(["gamification", *words, action]).replace("-", "_")

    def get_summary(self) -> str:
        return str(self.get_description()).partition("\n")[0].rstrip(".")

    def get_tags(self) -> list[str]:
        return [f"gamification {self._words()[0]}"]

    def get_request_serializer(self) -> Any:
        body = self.spec.body
        if body and self.spec.takes_list:
            return {"application/json": _one_or_many(self, body)}
        return body

    def get_response_serializers(self) -> Any:
        spec = self.spec
        statuses = {spec.status: ""}
        statuses |= {
            status: alternative.description
            for status, alternative in spec.alternatives.items()
        }
        response = _response_to_anybody(self, spec)
        responses: dict[Any, Any] = {
            (status, "application/json"): OpenApiResponse(response, description)
            for status, description in statuses.items()
        }
        if many := spec.list_response:
            responses[200, "application/json"] = _response_to_list(self, spec, many)
        if spec.is_polled:
            responses[304] = OpenApiResponse(description="Nothing has changed.")
        return responses | dict(_problems(spec))

    def get_override_parameters(self) -> list[Any]:
        spec = self.spec
        query = [spec.query] if spec.query is not QuerySerializer else []
        sent = [_header(*header) for header in spec.request_headers]
        statuses = [spec.status, *spec.alternatives]
        received = [
            _header(*header, response=statuses) for header in spec.response_headers
        ]
        received.append(_header(*_RETRY_AFTER, response=[429, 503]))
        if spec.is_polled:
            sent.append(_header(*_IF_NONE_MATCH))
            received.append(_header(*_ETAG, response=[200, 304]))
        return [*query, *sent, *received, *self._path_parameters()]

    def _path_parameters(self) -> Iterator[OpenApiParameter]:
        """Yield the variable parts of the address with their patterns."""
        view: Any = self.view
        for name in self.uri_variables:
            is_lookup = name == getattr(view, "lookup_field", None)
            pattern = view.lookup_value_regex if is_lookup else "[^/]+"
            schema = {"type": "string", "pattern": f"^({pattern})$"}
            yield OpenApiParameter(name, schema, OpenApiParameter.PATH)

    def _is_list_view(self, serializer: Any = None) -> bool:
        # The serializers of pages describe lists.
        return False

    def _get_request_body(self, direction: Any = "request") -> Any:
        body = super()._get_request_body(direction)  # type: ignore[no-untyped-call]
        # A body is required even if all of its fields are optional.
        return body and body | {"required": True}

    def _get_serializer_name(
        self, serializer: Any, direction: Any, bypass_extensions: bool = False
    ) -> str:
        # The name does not depend on the site's settings, such as COMPONENT_SPLIT_*.
        return _component_name(type(getattr(serializer, "child", serializer)))

    def _words(self) -> list[str]:
        """Return the fixed parts of the address after the version."""
        below = self.path.rpartition("/v1/")[2]
        return [part for part in below.split("/") if part and part[0] != "{"]

    @property
    def uri_variables(self) -> list[str]:
        return [part[1:-1] for part in self.path.split("/") if part.startswith("{")]

    def get_examples(self) -> list[OpenApiExample]:
        spec = self.spec
        values = {spec.status: spec.response_example}
        values |= {
            status: alternative.example
            for status, alternative in spec.alternatives.items()
        }
        examples = [
            OpenApiExample(
                "Response", value, response_only=True, status_codes=[str(status)]
            )
            for status, value in values.items()
            if value is not None
        ]
        if (body := spec.body_example) is not None:
            examples.append(OpenApiExample("Request", body, request_only=True))
        return examples

    def _insert_field_validators(self, field: Any, schema: Any) -> None:
        super()._insert_field_validators(field, schema)  # type: ignore[no-untyped-call]
        schema |= getattr(field, "json_schema", {})

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> Any:
        schema = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]
        if isinstance(serializer, RequestSerializer):
            schema["additionalProperties"] = False
        if isinstance(serializer, BodySerializer):
            if names := serializer.at_least_one:
                schema["anyOf"] = [{"required": [name]} for name in names]
            values = schema.get("properties", {})
            for name, default in serializer.defaults.items():
                values[name] = safe_ref({**values[name], "default": default})
        return schema

    def _map_serializer_field(
        self, field: Any, direction: Any, bypass_extensions: bool = False
    ) -> Any:
        schema = super()._map_serializer_field(field, direction, bypass_extensions)  # type: ignore[no-untyped-call]
        if isinstance(field, RuleField):
            return self._rule(field)
        if isinstance(field.parent, QuerySerializer) or "enum" not in schema:
            return schema
        return self._as_component(field, schema)

    def _rule(self, field: RuleField) -> Any:
        """Return a reference to the schema of a rule, which may refer to itself."""
        name = _PREFIX + field.component
        schema = field.schema({"$ref": f"#/components/schemas/{name}"})
        is_older = not spectacular_settings.OAS_VERSION.startswith("3.1")
        component = ResolvedComponent(  # type: ignore[no-untyped-call]
            name,
            ResolvedComponent.SCHEMA,
            with_nullable(schema) if is_older else schema,
            name,
        )
        self.registry.register_on_missing(component)
        described = {"description": field.help_text} if field.help_text else {}
        reference = safe_ref({**component.ref, **described})
        if not field.allow_null:
            return reference
        if is_older:
            return {"allOf": [reference], "nullable": True}
        return {"oneOf": [reference, {"type": "null"}]}

    def _as_component(self, field: Any, schema: Any) -> Any:
        """Return a reference to a component with the choices of a field.

        Left in place, drf-spectacular would give them a name that depends on the
        choices of the whole site, and could rename those of the site.
        """
        name = _PREFIX + CHOICES[tuple(field.choices)]
        choices = {"type": "string", "enum": list(field.choices)}
        component = ResolvedComponent(name, ResolvedComponent.SCHEMA, choices, name)  # type: ignore[no-untyped-call]
        self.registry.register_on_missing(component)
        described = {"description": field.help_text} if field.help_text else {}
        return safe_ref({**component.ref, **described})


def _component_name(kind: type) -> str:
    if issubclass(kind, BodySerializer):
        return f"{_PREFIX}{kind.__name__.removesuffix('Body')}Request"
    return _PREFIX + kind.__name__.removesuffix("Serializer")


def _header(
    name: str,
    description: str,
    is_required: bool,
    schema: Any,
    response: Any = False,
) -> OpenApiParameter:
    return OpenApiParameter(
        name,
        dict(schema),
        OpenApiParameter.HEADER,
        required=is_required,
        description=description,
        response=response,
    )


def _response_to_anybody(schema: OperationSchema, spec: OperationSpec) -> Any:
    response, full = spec.response, spec.staff_response
    if response is None or full is None:
        return response
    # Not "oneOf", because the response for staff also matches the other one.
    return {"anyOf": [_ref(schema, response), _ref(schema, full)]}


def _response_to_list(
    schema: OperationSchema, spec: OperationSpec, many: type[ResponseSerializer]
) -> OpenApiResponse:
    one = cast("type[ResponseSerializer]", spec.response)
    either = {"oneOf": [_ref(schema, one), _ref(schema, many)]}
    return OpenApiResponse(either, spec.alternatives[200].description)


def _one_or_many(schema: OperationSchema, body: type[BodySerializer]) -> dict[str, Any]:
    one = schema.resolve_serializer(body, "request").ref
    many = {"type": "array", "items": one, "minItems": 1, "maxItems": 1_000}
    return {"oneOf": [one, many]}


def _ref(schema: OperationSchema, response: type[ResponseSerializer]) -> Any:
    return schema.resolve_serializer(response, "response").ref


def _problems(spec: OperationSpec) -> Iterator[tuple[Any, OpenApiResponse]]:
    """Yield the problems that an operation may return, by status."""
    examples = defaultdict(list)
    for status, code, detail in sorted(_refusals(spec), key=itemgetter(0)):
        example = OpenApiExample(code, problem(status, code, detail))
        examples[status].append(example)
    for status, shown in examples.items():
        codes = ", ".join(f"`{example.name}`" for example in shown)
        yield (status, CONTENT_TYPE), OpenApiResponse(ProblemSerializer, codes, shown)


def _refusals(spec: OperationSpec) -> Iterator[tuple[int, str, str]]:
    """Yield the status, code and detail of each problem."""
    yield from _COMMON
    if spec.body:
        yield from _WITH_BODY
    if IF_MATCH in spec.request_headers:
        required = PreconditionRequired
        yield required.status_code, required.default_code, required.default_detail
    for error in spec.errors:
        yield status_for(error), error.code, (error.__doc__ or "").strip()
