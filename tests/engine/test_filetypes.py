"""What a file is, by its first bytes."""

import gzip

import pytest

from bridge.engine.filetypes import judged

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01"
MP4 = b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41"
OPUS = b"OggS\0\2" + b"\0" * 20 + b"\1\x13OpusHead\1\2"


@pytest.mark.parametrize(
    ("head", "claimed", "name", "kind"),
    [
        (PNG, "image/png", "a.png", "image/png"),
        (PNG, "image/jpeg", "a.jpg", "image/png"),
        (PNG, "text/html", "", "image/png"),
        (JPEG, "", "", "image/jpeg"),
        (MP4, "video/mp4", "", "video/mp4"),
        (OPUS, "audio/ogg", "", "audio/ogg"),
        (OPUS, "", "voice", "audio/ogg"),
        (b"RIFF\0\0\0\0WAVEfmt ", "audio/x-wav; codecs=1", "", "audio/wav"),
        (gzip.compress(b"{}", mtime=0), "application/x-tgsticker", "", "application/x-tgsticker"),
        (b"%PDF-1.4\n%", "application/octet-stream", "plan.pdf", "application/pdf"),
        (b"plain words", "image/png", "a.png", "text/plain"),
        (b"plain words", "text/markdown", "", "text/markdown"),
        (b"plain wor\xc3", "", "", "text/plain"),
        (b"<!DOCTYPE html><script>", "image/png", "a.png", "text/html"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'>", "image/png", "", "image/svg+xml"),
        (b"\xc8\xc9\xca\xcb" * 9, "image/png", "a.png", "application/octet-stream"),
        (b"\xc8\xc9\xca\xcb" * 9, "application/x-own", "", "application/x-own"),
        (b"", "", "", "application/octet-stream"),
        (b"\xc8\xc9\xca", "not a type\r\nX: y", "", "application/octet-stream"),
    ],
)
def test_a_file_is_what_its_bytes_say(head: bytes, claimed: str, name: str, kind: str):
    assert judged(head, claimed=claimed, name=name) == kind
