"""The field in which staff choose the icon of an achievement by its picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _

from gamification.admin.catalogue.achievements.picture_upload import (
    ENDINGS,
    can_upload,
    store_picture,
)
from gamification.components.badges import UPLOADED, badge_names, badge_of
from gamification.models import Achievement

#: The value of the last button, which stands for what is typed beside it. No icon can
#: begin with a space.
TYPED: Final = " typed"


class BadgePicker(forms.Widget):
    """Radio buttons with pictures, a text for any other icon, and an upload.

    All of it works without scripts. When somebody types, a script selects the last
    button.
    """

    template_name = "gamification/admin/badge_picker.html"
    use_fieldset = True

    @property
    def needs_multipart_form(self) -> bool:  # type: ignore[override]
        return can_upload()

    def id_for_label(self, id_: str) -> str:
        # The label names the whole group of fields, not one of them.
        return ""

    def get_context(
        self, name: str, value: Any, attrs: dict[str, Any] | None
    ) -> dict[str, Any]:
        icon = value if isinstance(value, str) else ""
        options = [*_options(icon)]
        is_listed = icon in {option["value"] for option in options}
        return super().get_context(name, None, attrs) | {
            "options": options,
            "icon": icon,
            "typed": TYPED,
            "text": "" if is_listed else icon,
            "is_typed": not is_listed,
            "endings": ENDINGS if can_upload() else "",
        }

    def value_from_datadict(
        self, data: Mapping[str, Any], files: Mapping[str, Any], name: str
    ) -> Any:
        """Return the upload if there is one, or else the icon."""
        if can_upload() and (upload := files.get(f"{name}-upload")):
            return upload
        chosen, text = data.get(name), data.get(f"{name}-typed")
        return text if chosen == TYPED or (text and not chosen) else chosen


class IconField(forms.CharField):
    """The name of a badge, an emoji, or a picture that is uploaded with the form."""

    widget = BadgePicker

    def clean(self, value: Any) -> str:
        if isinstance(value, UploadedFile):
            return store_picture(value)
        return str(super().clean(value))

    def has_changed(self, initial: Any, data: Any) -> bool:
        return isinstance(data, UploadedFile) or super().has_changed(initial, data)


def _options(icon: str) -> Iterator[dict[str, str]]:
    """Yield "no icon", the badges, the uploaded pictures in use, and ``icon``."""
    yield _option("", _("default"))
    for name in badge_names():
        yield _option(name, name)
    in_use = Achievement.objects.filter(icon__startswith=UPLOADED)
    uploads = {*in_use.values_list("icon", flat=True)}
    uploads |= {icon} if icon.startswith(UPLOADED) else set()
    for number, name in enumerate(sorted(uploads), start=1):
        yield _option(name, _("uploaded %(number)s") % {"number": number})


def _option(name: str, label: str) -> dict[str, str]:
    return {"value": name, "label": label, "image": badge_of(name).image}
