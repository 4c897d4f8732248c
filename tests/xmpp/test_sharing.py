"""Files as elements of a message, both ways."""

from xml.etree import ElementTree as ET

import pytest

from bridge.core.content import Attachment
from bridge.xmpp.messages import sharing
from bridge.xmpp.messages.sharing import Placed, Thumbnail

URL = "https://up.example/s/1/ship.png"
SHIP = Attachment(
    url=URL, name="ship.png", media_type="image/png", size=1234, width=640, height=480, description="a <ship>"
)


def message(inner: str) -> ET.Element:
    return ET.fromstring(f"<message xmlns='jabber:component:accept'>{inner}</message>")


def test_everything_known_of_a_file_is_said_in_every_way():
    placed = Placed(
        file=SHIP,
        sha256=b"x" * 32,
        thumbnail=Thumbnail(url=f"{URL}?t", media_type="image/jpeg", width=256, height=192),
    )
    assert sharing.written(placed, body=URL) == (
        f"<x xmlns='jabber:x:oob'><url>{URL}</url><desc>a &lt;ship&gt;</desc></x>"
        "<file-sharing xmlns='urn:xmpp:sfs:0' disposition='inline'><file xmlns='urn:xmpp:file:metadata:0'>"
        "<media-type>image/png</media-type><name>ship.png</name><size>1234</size><width>640</width>"
        "<height>480</height><desc>a &lt;ship&gt;</desc>"
        "<hash xmlns='urn:xmpp:hashes:2' algo='sha-256'>eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHg=</hash>"
        f"<thumbnail xmlns='urn:xmpp:thumbs:1' uri='{URL}?t' media-type='image/jpeg' width='256' height='192'/>"
        f"</file><sources><url-data xmlns='http://jabber.org/protocol/url-data' target='{URL}'/></sources>"
        "</file-sharing><fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:sfs:0'><body/></fallback>"
    )


def test_a_body_that_says_more_is_not_left_out():
    assert "<fallback" not in sharing.written(Placed(file=SHIP), body=f"<bob> {URL}")


@pytest.mark.parametrize(
    "file",
    [
        SHIP,
        Attachment(url=URL, name="ship.png"),
        Attachment(url=URL, name="a b\u2026.ogg", media_type="audio/ogg", duration=2.5),
    ],
)
def test_what_is_written_can_be_read(file: Attachment):
    assert sharing.read(message(sharing.written(Placed(file=file), body=file.url))) == (file,)


SIMS = f"""<reference xmlns='urn:xmpp:reference:0' type='data' begin='0' end='3'><media-sharing xmlns='urn:xmpp:sims:1'>
<file xmlns='urn:xmpp:jingle:apps:file-transfer:5'><media-type>image/png</media-type><name>ship.png</name><size>9</size>
</file><sources><reference xmlns='urn:xmpp:reference:0' type='data' uri='xmpp:romeo@localhost?jingle'/>
<reference xmlns='urn:xmpp:reference:0' type='data' uri='{URL}'/></sources></media-sharing></reference>"""
OOB = "<x xmlns='jabber:x:oob'><url>{}</url></x>"
SFS = "<file-sharing xmlns='urn:xmpp:sfs:0'>{}</file-sharing>"
FILE = "<file xmlns='urn:xmpp:file:metadata:0'>{}</file>"
SOURCES = f"<sources><url-data xmlns='http://jabber.org/protocol/url-data' target='{URL}'/></sources>"


@pytest.mark.parametrize(
    ("inner", "files"),
    [
        (SIMS, (Attachment(url=URL, name="ship.png", media_type="image/png", size=9),)),
        (SIMS + OOB.format(URL), (Attachment(url=URL, name="ship.png", media_type="image/png", size=9),)),
        (OOB.format("https://f.example/a%20b.png"), (Attachment(url="https://f.example/a%20b.png", name="a b.png"),)),
        (OOB.format("aesgcm://f.example/a.png#00"), ()),
        (OOB.format("javascript:alert(1)"), ()),
        (OOB.format("https://f.example/a b"), ()),
        (SFS.format(FILE.format("<name>../x/\n.png</name><size>-1</size><width>9e9</width>") + SOURCES),
         (Attachment(url=URL, name="../x/ .png"),)),
        (SFS.format(FILE.format("<name>x</name>")), ()),
        (SFS.format(SOURCES), (Attachment(url=URL, name="ship.png"),)),
        ("<reference xmlns='urn:xmpp:reference:0' type='mention' uri='xmpp:a@b'/>", ()),
        ("".join(OOB.format(f"https://f.example/{n}") for n in range(99)),
         tuple(Attachment(url=f"https://f.example/{n}", name=str(n)) for n in range(20))),
    ],
)  # fmt: skip
def test_files_are_found_in_every_way_of_saying_it(inner: str, files: tuple[Attachment, ...]):
    assert sharing.read(message(inner)) == files
