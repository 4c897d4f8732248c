"""Small pictures: a thumbnail of a file, an avatar in a form that every client shows. The one home of Pillow.

Pillow is an extra (``media``); without it there are no thumbnails, and avatars go as they are. What comes from strangers
is opened in a thread, only in formats that are pictures of the web, and not if it would be enormous when unpacked.
Called by ``uploads`` and ``avatars``.
"""

import asyncio
import importlib.util
import io
from typing import IO, Any, Final

import msgspec

LARGEST: Final = 40_000_000
"""Pixels of a picture that is unpacked."""
_FORMATS: Final = ("JPEG", "PNG", "GIF", "WEBP", "BMP")


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """A small picture, and how large what it was made from is (pixels)."""

    data: bytes
    media_type: str
    width: int
    height: int
    original: tuple[int, int] = (0, 0)


def installed() -> bool:
    """Tell whether pictures can be made small here."""
    return importlib.util.find_spec("PIL") is not None


async def small(file: IO[bytes], *, most: int, square: bool = False) -> Picture | None:
    """Return a picture of at most ``most`` pixels each way, or None for what is no picture, or without Pillow.

    ``square`` cuts it to one, as a PNG: an avatar (XEP-0084 section 4.2); else it is a JPEG.
    """
    return await asyncio.to_thread(_small, file, most, square)  # decoding takes tens of milliseconds


def _small(file: IO[bytes], most: int, square: bool) -> Picture | None:  # noqa: FBT001 - called once, above
    try:
        from PIL import Image, ImageOps  # noqa: PLC0415 - an extra
    except ImportError:
        return None
    file.seek(0)
    try:
        with Image.open(file, formats=_FORMATS) as image:
            original = image.size
            if original[0] * original[1] > LARGEST:
                return None
            image.draft("RGB", (most * 2, most * 2))
            upright: Any = ImageOps.exif_transpose(image)
            if square:
                upright = ImageOps.fit(upright.convert("RGBA"), (min(most, *original),) * 2)
            else:
                upright = _on_white(upright)
                upright.thumbnail((most, most))
            out = io.BytesIO()
            upright.save(out, "PNG" if square else "JPEG", **({"optimize": True} if square else {"quality": 75}))
    except (OSError, ValueError, SyntaxError, ArithmeticError, Image.DecompressionBombError):
        return None  # whatever a broken picture makes of its reader
    kind = "image/png" if square else "image/jpeg"
    width, height = upright.size
    return Picture(data=out.getvalue(), media_type=kind, width=width, height=height, original=original)


def _on_white(image: Any) -> Any:
    from PIL import Image  # noqa: PLC0415 - an extra

    if image.mode == "RGB":
        return image
    seen = image.convert("RGBA")
    ground = Image.new("RGB", seen.size, "white")
    ground.paste(seen, mask=seen.getchannel("A"))
    return ground
