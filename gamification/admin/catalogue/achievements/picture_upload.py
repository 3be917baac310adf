"""Pictures that staff upload as badges: the one place that knows Pillow."""

from __future__ import annotations

import struct
from hashlib import sha256
from importlib import import_module
from importlib.util import find_spec
from io import BytesIO
from typing import Any, Final
from zlib import error as ZlibError  # noqa: N812 - it is a class

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.files.storage import (
    FileSystemStorage,
    InvalidStorageError,
    default_storage,
)
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _

from gamification.components.badges import UPLOADED, path_of_upload

#: The kinds of picture that can be uploaded, as Pillow calls them and as files end.
FORMATS: Final = ("PNG", "JPEG", "WEBP", "GIF")
ENDINGS: Final = ".png,.jpg,.jpeg,.webp,.gif"

#: The largest file, in bytes, and the longest edge, in pixels, of an upload.
MOST_BYTES: Final = 2_000_000
MOST_PIXELS: Final = 4_096

#: The longest edge of a stored picture, in pixels.
EDGE: Final = 256

#: The errors that Pillow raises for damaged or mislabelled files.
_BROKEN: Final = (OSError, SyntaxError, ValueError, EOFError, struct.error, ZlibError)


def can_upload() -> bool:
    """Say whether Pillow is installed, and the site keeps uploaded files."""
    if not find_spec("PIL"):
        return False
    try:
        is_elsewhere = not isinstance(default_storage, FileSystemStorage)
    except InvalidStorageError:
        return False
    return is_elsewhere or bool(settings.MEDIA_ROOT)


def store_picture(file: UploadedFile[Any]) -> str:
    """Store a picture for badges; return its name.

    The picture is redrawn, so that nothing else in the file is kept. A picture that is
    uploaded twice is stored once. Raises ``ValidationError``.
    """
    content = _redrawn(file)
    name = f"{UPLOADED}{sha256(content).hexdigest()[:32]}"
    if not default_storage.exists(path := path_of_upload(name)):
        default_storage.save(path, ContentFile(content))
    return name


def _redrawn(file: UploadedFile[Any]) -> bytes:
    """Return a small PNG of the picture, or raise ``ValidationError``."""
    if not file.size or file.size > MOST_BYTES:
        raise _refusal()
    try:
        pillow = import_module("PIL.Image")
        with pillow.open(file, formats=FORMATS) as picture:
            return _small(picture)
    except _BROKEN as error:
        raise _refusal() from error


def _small(picture: Any) -> bytes:
    if max(picture.size) > MOST_PIXELS:
        raise _refusal()
    drawn = picture.convert("RGBA")
    drawn.thumbnail((EDGE, EDGE))
    output = BytesIO()
    drawn.save(output, "PNG", optimize=True)
    return output.getvalue()


def _refusal() -> ValidationError:
    return ValidationError(
        _(
            "Upload a PNG, JPEG, WebP or GIF picture of at most 2 MB and "
            "%(pixels)s × %(pixels)s pixels."
        ),
        code="invalid_image",
        params={"pixels": f"{MOST_PIXELS:,}"},
    )
