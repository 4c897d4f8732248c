"""Pictures: painted ones, to be sent about, and those of screens, kept for whoever wants to look."""

import io
from pathlib import Path

from PIL import Image, ImageDraw

PICTURES = Path(__file__).parents[3] / ".clients" / "pictures"
PICTURES.mkdir(parents=True, exist_ok=True)


def painted(width: int, height: int, *, kind: str = "JPEG") -> bytes:
    """Return a picture: the sun over a quay."""
    image = Image.new("RGB", (width, height), "#2aa166")
    middle, radius = (width // 2, height // 2), height // 4
    box = (middle[0] - radius, middle[1] - radius, middle[0] + radius, middle[1] + radius)
    ImageDraw.Draw(image).ellipse(box, fill="#ffcc33")
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()
