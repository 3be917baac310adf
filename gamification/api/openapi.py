"""Tells drf-spectacular what the contracts say. Nothing else knows that it exists."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from operator import itemgetter
from typing import Any, Final, cast

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiResponse,
    PolymorphicProxySerializer,
)

from gamification.api.exceptions import (
    CONTENT_TYPE,
    ProblemSerializer,
    problem,
    status_of,
)
from gamification.api.fields import Body, Query
from gamification.api.operations import Contract, Header, contract_of
from gamification.api.preconditions import IF_MATCH, PreconditionRequired
from gamification.api.serializers import ResponseSerializer

_IF_NONE_MATCH: Final = Header(
    "If-None-Match", "The ETag of the last answer; 304 if there is nothing new."
)
_ETAG: Final = Header("ETag", "What If-None-Match asks about.")
_RETRY_AFTER: Final = Header(
    "Retry-After", "Seconds to wait before the next try.", schema={"type": "integer"}
)

#: What any operation may answer, whatever its contract says.
_COMMON: Final = (
    (400, "invalid", "The request does not say what is expected."),
    (400, "parse_error", "The address cannot be read."),
    (401, "not_authenticated", "Authentication credentials were not provided."),
    (401, "authentication_failed", "Invalid token."),
    (403, "permission_denied", "You may not do this."),
    (404, "not_found", "There is nothing at this address."),
    (429, "throttled", "Request was throttled."),
    (503, "storage_error", "The database does not answer."),
)
_WITH_BODY: Final = (
    (413, "body_too_large", "The body is larger than 2 MiB."),
    (415, "unsupported_media_type", "Unsupported media type."),
)


class ContractSchema(AutoSchema):
    """Describes an operation of this API from its contract."""

    @property
    def contract(self) -> Contract:
        contract = contract_of(self.view)
        assert contract is not None, self.path  # noqa: S101 - each operation has one
        return contract

    def get_operation_id(self) -> str:
        words = self._words()
        action = str(self.view.action)  # type: ignore[attr-defined]
        names = words if words[-1:] == [action] else [*words, action]
        return "_".join(name.replace("-", "_") for name in names)

    def get_summary(self) -> str:
        return str(self.get_description()).partition("\n")[0].rstrip(".")

    def get_tags(self) -> list[str]:
        return [self._words()[0]]

    def get_request_serializer(self) -> Any:
        body = self.contract.body
        if body and self.contract.takes_many:
            return {"application/json": _one_or_many(self, body)}
        return body

    def get_response_serializers(self) -> Any:
        contract = self.contract
        statuses = {contract.status: ""}
        statuses |= {status: also.meaning for status, also in contract.also.items()}
        answer = _answer_to_anybody(self, contract)
        answers: dict[Any, Any] = {
            (status, "application/json"): OpenApiResponse(answer, description)
            for status, description in statuses.items()
        }
        if many := contract.answer_to_many:
            answers[200, "application/json"] = _answer_to_one_or_many(contract, many)
        if contract.is_polled:
            answers[304] = OpenApiResponse(description="The client knows the answer.")
        return answers | dict(_problems(contract))

    def get_override_parameters(self) -> list[Any]:
        contract = self.contract
        query = [contract.query] if contract.query is not Query else []
        read = [_header(*header) for header in contract.headers]
        statuses = [contract.status, *contract.also]
        answered = [
            _header(*header, response=statuses) for header in contract.answer_headers
        ]
        answered.append(_header(*_RETRY_AFTER, response=[429, 503]))
        if contract.is_polled:
            read.append(_header(*_IF_NONE_MATCH))
            answered.append(_header(*_ETAG, response=[200, 304]))
        return [*query, *read, *answered, *self._address()]

    def _address(self) -> Iterator[OpenApiParameter]:
        """Yield the variable parts of the address, with what each looks like."""
        view: Any = self.view
        for name in self.uri_variables:
            is_lookup = name == getattr(view, "lookup_field", None)
            look = view.lookup_value_regex if is_lookup else "[^/]+"
            schema = {"type": "string", "pattern": f"^({look})$"}
            yield OpenApiParameter(name, schema, OpenApiParameter.PATH)

    def _is_list_view(self, serializer: Any = None) -> bool:
        # A list is said by the shape of its pages.
        return False

    def _get_request_body(self, direction: Any = "request") -> Any:
        body = super()._get_request_body(direction)  # type: ignore[no-untyped-call]
        # Also where nothing in it must be there.
        return body and body | {"required": True}

    def get_serializer_name(self, serializer: Any, direction: Any) -> str:
        return _bare(type(serializer))

    def _words(self) -> list[str]:
        """Return the fixed parts of the address below that of the API."""
        below = self.path.rpartition("/v1/")[2]
        return [part for part in below.split("/") if part and part[0] != "{"]

    @property
    def uri_variables(self) -> list[str]:
        return [part[1:-1] for part in self.path.split("/") if part.startswith("{")]

    def get_examples(self) -> list[OpenApiExample]:
        contract = self.contract
        answers = {contract.status: contract.example}
        answers |= {status: also.example for status, also in contract.also.items()}
        examples = [
            OpenApiExample(
                "Answer", value, response_only=True, status_codes=[str(status)]
            )
            for status, value in answers.items()
            if value is not None
        ]
        if (body := contract.example_body) is not None:
            examples.append(OpenApiExample("Request", body, request_only=True))
        return examples

    def _insert_field_validators(self, field: Any, schema: Any) -> None:
        super()._insert_field_validators(field, schema)  # type: ignore[no-untyped-call]
        schema |= getattr(field, "json_schema", {})

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> Any:
        schema = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]
        if isinstance(serializer, Body):
            schema["additionalProperties"] = False
        return schema


def _bare(kind: type) -> str:
    return kind.__name__.removesuffix("ResponseSerializer").removesuffix("Body")


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


def _answer_to_anybody(schema: ContractSchema, contract: Contract) -> Any:
    answer, full = contract.answer, contract.answer_to_staff
    if answer is None or full is None:
        return answer
    # Not one of them: the full answer is also the other.
    shapes = [schema.resolve_serializer(shape, "response") for shape in (answer, full)]
    return {"anyOf": [shape.ref for shape in shapes]}


def _answer_to_one_or_many(
    contract: Contract, many: type[ResponseSerializer]
) -> OpenApiResponse:
    one = cast("type[ResponseSerializer]", contract.answer)
    name = f"{_bare(one)}Or{_bare(many)}"
    either = PolymorphicProxySerializer(name, [one, many], None, many=False)
    return OpenApiResponse(either, contract.also[200].meaning)


def _one_or_many(schema: ContractSchema, body: type[Body]) -> dict[str, Any]:
    one = schema.resolve_serializer(body, "request").ref
    many = {"type": "array", "items": one, "minItems": 1, "maxItems": 1_000}
    return {"oneOf": [one, many]}


def _problems(contract: Contract) -> Iterator[tuple[Any, OpenApiResponse]]:
    """Yield what may go wrong, by status."""
    examples = defaultdict(list)
    for status, code, detail in sorted(_refusals(contract), key=itemgetter(0)):
        example = OpenApiExample(code, problem(status, code, detail))
        examples[status].append(example)
    for status, shown in examples.items():
        codes = ", ".join(f"`{example.name}`" for example in shown)
        answer = OpenApiResponse(ProblemSerializer, codes, shown)
        yield (status, CONTENT_TYPE), answer


def _refusals(contract: Contract) -> Iterator[tuple[int, str, str]]:
    """Yield statuses, codes and details of what may go wrong."""
    yield from _COMMON
    if contract.body:
        yield from _WITH_BODY
    if IF_MATCH in contract.headers:
        required = PreconditionRequired
        yield required.status_code, required.default_code, required.default_detail
    for error in contract.errors:
        yield status_of(error), error.code, (error.__doc__ or "").strip()
