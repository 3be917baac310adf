"""A small API of the suite, which tries what all operations have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from django.urls import include, path
from rest_framework import serializers
from rest_framework.decorators import action

from gamification.api.fields import (
    BodySerializer,
    BoundedListField,
    NonBlankTextField,
    QueryBooleanField,
    StrictBooleanField,
    StrictChoiceField,
    StrictDateField,
    StrictDateTimeField,
    StrictIntegerField,
    TextField,
)
from gamification.api.operations import operation
from gamification.api.pagination import PageQuery
from gamification.api.routers import Router
from gamification.api.serializers import ResponseSerializer
from gamification.api.views.base import GamificationViewSet

THINGS = "/v1/things/"


class ThingBody(BodySerializer):
    """One field of each kind."""

    name = TextField(max_length=20)
    amount = StrictIntegerField(min_value=-1_000, max_value=1_000, required=False)
    is_on = StrictBooleanField(required=False)
    at = StrictDateTimeField(required=False)
    on = StrictDateField(required=False)
    kind = StrictChoiceField(choices=["round", "1"], required=False)
    note = NonBlankTextField(max_length=20, required=False)
    tags = BoundedListField(child=TextField(max_length=5), max_length=3, required=False)


class ThingQuery(PageQuery):
    """Two parameters beside those of a page."""

    since = StrictDateField(required=False)
    is_on = QueryBooleanField(required=False)
    search = TextField(max_length=20, required=False)


class ThingSerializer(ResponseSerializer):
    """A thing."""

    name = serializers.CharField()


@dataclass
class Sample:
    """What an operation is to do, and the arguments of its calls."""

    work: Callable[[], Any] = lambda: SimpleNamespace(name="thing")
    calls: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, **given: Any) -> Any:
        self.calls.append(given)
        return self.work()


sample = Sample()


class ThingViewSet(GamificationViewSet):
    """Things."""

    @operation(query=ThingQuery, response=ThingSerializer, is_polled=True)
    def list(self, request, query):
        return sample(query=query)

    @operation(body=ThingBody, response=ThingSerializer, status=201, scope="write")
    def create(self, request, body):
        return sample(body=body)

    @operation(response=ThingSerializer)
    def retrieve(self, request, pk):
        return sample(pk=pk)

    @operation(status=204, permission="gamification.record_activity", scope="record")
    def destroy(self, request, pk):
        return sample(pk=pk)

    @action(detail=False, methods=["post"])
    @operation(body=ThingBody, takes_list=True, response=ThingSerializer)
    def many(self, request, body):
        return sample(body=body)


router = Router()
router.register("things", ThingViewSet, basename="thing")
urlpatterns = [path("v1/", include([*router.urls, router.not_found_route()]))]
