"""A small API of the suite's own, to try what all operations have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from django.urls import include, path, re_path
from rest_framework import serializers
from rest_framework.decorators import action

from gamification.api.exceptions import unknown_address
from gamification.api.fields import (
    Body,
    Choice,
    Day,
    Flag,
    FlagText,
    Instant,
    Text,
    Whole,
    Words,
)
from gamification.api.operations import operation
from gamification.api.pagination import PageQuery
from gamification.api.routers import Router
from gamification.api.serializers import ResponseSerializer
from gamification.api.views.base import GamificationViewSet

THINGS = "/v1/things/"


class ThingBody(Body):
    """One field of each kind."""

    name = Text(max_length=20)
    amount = Whole(min_value=-1_000, max_value=1_000, required=False)
    is_on = Flag(required=False)
    at = Instant(required=False)
    on = Day(required=False)
    kind = Choice(choices=["round", "1"], required=False)
    note = Words(max_length=20, required=False)
    tags = serializers.ListField(child=Text(max_length=5), max_length=3, required=False)


class ThingQuery(PageQuery):
    """Two parameters beside those of a page."""

    since = Day(required=False)
    is_on = FlagText(required=False)
    search = Text(max_length=20, required=False)


class ThingSerializer(ResponseSerializer):
    """A thing."""

    name = serializers.CharField()


@dataclass
class Sandbox:
    """What an operation does, and what it was called with."""

    work: Callable[[], Any] = lambda: SimpleNamespace(name="thing")
    calls: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, **given: Any) -> Any:
        self.calls.append(given)
        return self.work()


sandbox = Sandbox()


class ThingViewSet(GamificationViewSet):
    """Things."""

    @operation(query=ThingQuery, answer=ThingSerializer, is_polled=True)
    def list(self, request, query):
        return sandbox(query=query)

    @operation(body=ThingBody, answer=ThingSerializer, status=201, scope="write")
    def create(self, request, body):
        return sandbox(body=body)

    @operation(answer=ThingSerializer)
    def retrieve(self, request, pk):
        return sandbox(pk=pk)

    @operation(status=204, permission="gamification.record_activity", scope="record")
    def destroy(self, request, pk):
        return sandbox(pk=pk)

    @action(detail=False, methods=["post"])
    @operation(body=ThingBody, takes_many=True, answer=ThingSerializer)
    def many(self, request, body):
        return sandbox(body=body)


router = Router()
router.register("things", ThingViewSet, basename="thing")
urlpatterns = [path("v1/", include(router.urls)), re_path(r"^v1/", unknown_address)]
