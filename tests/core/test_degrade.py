"""Fitting: what a network cannot carry is left out, put into words or refused; what it can passes untouched."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.capabilities import Capabilities, Feature, Limit, Representation, Support, Unit
from bridge.core.content import Attachment, Content, Kind, Mention, Reply, Span, Style
from bridge.core.degrade import as_relay, correction, described, fit, human_size, is_simple, named, unresolved
from bridge.core.deliveries import Announce, AsBridge, AsMask, AsPuppet, AsRelay, Edit, Kick, Post, Tell
from tests.support.build import edit, head, member, person, post, react, retract, set_topic

PHOTO = Attachment(url="https://a.example/p.jpg", name="photo.jpg", size=1_234_567)
ALICE = AsPuppet(member=member("alice"))


def able(**features: Support) -> Capabilities:
    return Capabilities(
        representation=Representation.SESSION,
        text=Limit(400, Unit.BYTES),
        features={Feature(name): support for name, support in features.items()},
    )


EVERYTHING = able(**{feature.value: Support.NATIVE for feature in Feature})
NOTHING = able()


def said(text, **fields):
    return Post(head=head(voice=ALICE), message=post("x").message, content=Content(text=text, **fields))


def fitted(delivery, capabilities):
    left = fit(delivery, capabilities)
    return None if left.delivery is None else left.delivery.content


DELIVERIES = {
    Feature.EDIT: edit("m1", "new"),
    Feature.RETRACT: retract("m1"),
    Feature.REACT: react("m1", "👍"),
    Feature.TOPIC: set_topic("t"),
    Feature.KICK: Kick(head=head(), person=person("bob"), name="bob"),
    Feature.DIRECT: Tell(head=head(), person=person("bob"), content=Content(text="psst")),
}


@pytest.mark.parametrize("feature", DELIVERIES)
def test_what_stands_and_falls_with_a_feature(feature):
    delivery = DELIVERIES[feature]
    assert fit(delivery, able(**{feature: Support.NATIVE})) == (delivery, ())
    assert fit(delivery, able(**{feature: Support.FALLBACK})) == (delivery, ())
    assert fit(delivery, able(**{feature: Support.DROPPED})) == (None, ())
    assert fit(delivery, able(**{feature: Support.REFUSED})) == (None, (feature,))
    assert fit(delivery, NOTHING) == (None, (feature,))


def test_words_and_announcements_always_pass():
    hello = said("hello")
    assert fit(hello, NOTHING) == (hello, ())
    announcement = Announce(head=head(), text="bob is away")
    assert fit(announcement, NOTHING) == (announcement, ())


def test_nothing_to_say_is_nothing_to_send():
    assert fit(said(""), EVERYTHING) == (None, ())
    assert fit(said(" \n "), EVERYTHING) == (None, ())


@pytest.mark.parametrize(
    ("content", "features", "expected"),
    [
        pytest.param(
            Content(text="look", attachments=(PHOTO,)),
            {"attachment": Support.FALLBACK, "multiline": Support.FALLBACK},
            Content(text="look\nphoto.jpg (1.2 MB): https://a.example/p.jpg"),
            id="attachments are lines",
        ),
        pytest.param(
            Content(text="see https://a.example/p.jpg", attachments=(PHOTO,)),
            {"attachment": Support.FALLBACK},
            Content(text="see https://a.example/p.jpg"),
            id="an address that is in the text already is not repeated",
        ),
        pytest.param(
            Content(text="", attachments=(PHOTO,)),
            {"attachment": Support.FALLBACK},
            Content(text="photo.jpg (1.2 MB): https://a.example/p.jpg"),
            id="a file without words",
        ),
        pytest.param(Content(text="", attachments=(PHOTO,)), {"attachment": Support.DROPPED}, None, id="nothing left"),
        pytest.param(
            Content(text="waves", kind=Kind.ACTION, spans=(Span(0, 5, Style.BOLD),)),
            {"action": Support.FALLBACK, "formatting": Support.NATIVE},
            Content(text="* alice waves", spans=(Span(8, 13, Style.BOLD),)),
            id="an action in words",
        ),
        pytest.param(
            Content(text="beep", kind=Kind.NOTICE), {}, Content(text="beep"), id="a notice is a text elsewhere"
        ),
        pytest.param(
            Content(text="a quote", spans=(Span(0, 7, Style.QUOTE),)),
            {},
            Content(text="> a quote"),
            id="a quote without formatting",
        ),
        pytest.param(
            Content(text="one\n two\n\nthree"), {}, Content(text="one / two / three"), id="lines where there is one"
        ),
        pytest.param(
            Content(text="bob!", mentions=(Mention(0, 3, person("bob")),)), {}, Content(text="bob!"), id="mentions"
        ),
    ],
)
def test_contents(content, features, expected):
    delivery = Post(head=head(voice=ALICE), message=post("x").message, content=content)
    assert fitted(delivery, able(**features)) == expected
    assert fitted(delivery, EVERYTHING) == content


def test_a_refused_file_lets_the_words_through_and_the_sender_know():
    left = fit(said("look", attachments=(PHOTO,)), NOTHING)
    assert left.delivery.content == Content(text="look")
    assert left.refused == (Feature.ATTACHMENT,)
    assert fit(said("", attachments=(PHOTO,)), NOTHING) == (None, (Feature.ATTACHMENT,))


def test_an_action_of_somebody_who_is_named_anyway():
    delivery = Post(
        head=head(voice=AsRelay(member=member("alice"))),
        message=post("x").message,
        content=Content(text="waves", kind=Kind.ACTION),
    )
    assert fitted(delivery, NOTHING) == Content(text="* waves")


@pytest.mark.parametrize(("support", "kept"), [("native", True), ("fallback", True), ("dropped", False)])
def test_replies(support, kept):
    reply = Reply(to=post("x").message, name="bob", excerpt="?")
    delivery = post("yes", reply=reply)
    left = fit(delivery, able(reply=Support(support))).delivery
    assert left.content == delivery.content
    assert left.reply == (reply if kept else None)


CONTENTS = st.builds(
    Content,
    text=st.text(st.sampled_from("ab \n*>"), max_size=12),
    kind=st.sampled_from(Kind),
    spans=st.sampled_from([(), (Span(0, 2, Style.QUOTE),), (Span(0, 1, Style.LINK, "u:v"),)]),
    mentions=st.sampled_from([(), (Mention(0, 1, person("bob")),)]),
    attachments=st.sampled_from([(), (PHOTO,), (PHOTO, PHOTO)]),
).filter(lambda content: len(content.text) >= 2 or not (content.spans or content.mentions))
ABILITIES = st.dictionaries(st.sampled_from([f.value for f in Feature]), st.sampled_from(Support)).map(
    lambda features: able(**features)
)
VOICES = st.sampled_from([AsBridge(), ALICE, AsMask(member=member("alice")), AsRelay(member=member("alice"))])


@given(CONTENTS, ABILITIES, VOICES, st.booleans())
def test_fitting_twice_is_fitting(content, capabilities, voice, as_edit):
    delivery = Post(head=head(voice=voice), message=post("x").message, content=content)
    if as_edit:
        delivery = Edit(head=delivery.head, target=delivery.message, content=content)
    once = fit(delivery, capabilities).delivery
    if once is not None:
        assert fit(once, capabilities) == (once, ())


@given(CONTENTS, ABILITIES)
def test_what_is_simple_passes_everywhere_untouched(content, capabilities):
    if is_simple(content):
        delivery = said(content.text)
        assert fit(delivery, capabilities).delivery is delivery


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (9_940, "9.9 kB"),
        (9_960, "10 kB"),
        (999_499, "999 kB"),
        (999_600, "1.0 MB"),
        (1_234_567, "1.2 MB"),
        (5_000_000_000, "5.0 GB"),
        (10**16, "10000 TB"),
    ],
)
def test_human_size(size, text):
    assert human_size(size) == text


SECRET = Attachment(url="", handle="AgACAgQ", description="photo", width=1280, height=960, size=230_000)


@pytest.mark.parametrize(
    ("attachment", "text"),
    [
        (SECRET, "[photo, 1280×960, 230 kB]"),
        (Attachment(url="", handle="h", description="voice message", duration=67.4), "[voice message, 1:07]"),
        (Attachment(url="", handle="h", description="video", duration=3723), "[video, 1:02:03]"),
        (Attachment(url="", handle="h", name="plan\n.pdf", media_type="application/pdf", size=4), "[plan .pdf, 4 B]"),
        (Attachment(url="", handle="h", media_type="image/png"), "[image/png]"),
        (Attachment(url="", handle="h"), "[file]"),
    ],
)
def test_a_file_that_nobody_can_be_given_is_named(attachment, text):
    assert named(attachment) == text


@pytest.mark.parametrize("capabilities", [EVERYTHING, NOTHING], ids=["everything", "nothing"])
def test_a_handle_never_leaves_its_network(capabilities):
    bold = Span(0, 4, Style.BOLD)
    left = fit(said("look", spans=(bold,), attachments=(SECRET,)), capabilities)
    assert left.delivery.content.text == "[photo, 1280×960, 230 kB] look"
    assert left.delivery.content.spans in ((Span(26, 30, Style.BOLD),), ())
    assert left.delivery.content.attachments == ()
    assert left.refused == ()
    mixed = fitted(said("", attachments=(SECRET, PHOTO)), EVERYTHING)
    assert (mixed.text, mixed.attachments) == ("[photo, 1280×960, 230 kB]", (PHOTO,))
    corrected = Edit(
        head=head(voice=ALICE),
        target=post("x").message,
        content=Content(text="new", attachments=(SECRET,)),
        previous=Content(text="old", attachments=(SECRET,)),
    )
    assert fit(corrected, EVERYTHING).delivery.previous.text == "[photo, 1280×960, 230 kB] old"


@pytest.mark.parametrize(
    ("attachment", "text"),
    [
        (Attachment(url="u:v"), "u:v"),
        (Attachment(url="u:v", name="a.txt"), "a.txt: u:v"),
        (Attachment(url="u:v", size=5), "(5 B): u:v"),
        (Attachment(url="u:v", size=5, description="voice message"), "voice message (5 B): u:v"),
        (Attachment(url="u:v", name="a\nb.jpg", size=5, description="a\ncat"), "a b.jpg (5 B, a cat): u:v"),
    ],
)
def test_described(attachment, text):
    assert described(attachment) == text


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("I went to teh store yesterday", "I went to the store yesterday", "* teh → the"),
        ("I wnet to teh store yesterday", "I went to the store yesterday", "* wnet → went, teh → the"),
        ("I like cake more than anything", "I really like cake more than anything", "* I → I really"),
        ("like cake more than anything", "I like cake more than anything", "* like → I like"),
        ("it is very very cold out there", "it is very cold out there", "* very very → very"),
        ("let us meet at five o'clock", "let us meet at five o'clock or six", "* o'clock → o'clock or six"),
        ("teh", "the", "* the"),
        ("something entirely different now", "what I wanted to say was this", "* what I wanted to say was this"),
        ("a b c d e f g h i j k l m n", "a B c D e F g H i j k l m n", "* a B c D e F g H i j k l m n"),
        ("two  blanks were here", "two blanks were here\n", ""),
        ("same", "same", ""),
        ("gone", "", ""),
        ("", "said at last, and at some length", "* said at last, and at some length"),
        (None, "from nowhere", "* from nowhere"),
    ],
)
def test_correction(before, after, said):
    previous = None if before is None else Content(text=before)
    assert correction(previous, Content(text=after)).text == said


def test_a_whole_correction_keeps_its_styles():
    new = Content(text="the", spans=(Span(0, 3, Style.BOLD),), kind=Kind.ACTION)
    assert correction(Content(text="teh"), new) == Content(
        text="* the", spans=(Span(2, 5, Style.BOLD),), kind=Kind.ACTION
    )


WORDS = st.lists(st.sampled_from(["a", "bb", "ccc", "dddd", "eeeee"]), max_size=12).map(" ".join)


@given(WORDS, WORDS)
def test_a_correction_is_never_longer_than_saying_it_again(before, after):
    said = correction(Content(text=before), Content(text=after)).text
    assert len(said) <= len(f"* {after}")
    assert bool(said) == (before.split() != after.split() and after != "")


def test_unresolved():
    correcting = edit("m1", "the new words")
    assert unresolved(correcting) == Post(
        head=correcting.head, message=correcting.target, content=Content(text="* the new words")
    )
    assert unresolved(retract("m1")) is None
    assert unresolved(react("m1", "👍")) is None
    answer = post("yes", reply=Reply(to=post("x").message, name="bob"))
    assert unresolved(answer) is answer


@pytest.mark.parametrize("voice", [ALICE, AsMask(member=member("alice"))])
def test_as_relay(voice):
    delivery = post("hi", voice=voice)
    assert as_relay(delivery).head.voice == AsRelay(member=member("alice"))
    assert as_relay(as_relay(delivery)) is None
    assert as_relay(post("hi", voice=AsBridge())) is None
