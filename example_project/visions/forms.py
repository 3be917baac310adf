"""The forms of the site."""

from __future__ import annotations

from typing import ClassVar

from django import forms
from django.contrib.auth import get_user_model
from django.contrib.auth.forms import UserCreationForm

from example_project.visions.models import TITLE_LENGTH


class TitleForm(forms.Form):
    """The title of a new vision, or of a new KPI."""

    title = forms.CharField(max_length=TITLE_LENGTH)


class SignUpForm(UserCreationForm):  # type: ignore[type-arg]
    """A name and a password for a new user."""

    class Meta:
        model = get_user_model()
        fields: ClassVar = [get_user_model().USERNAME_FIELD]
