"""Whatever is written on one network, its words arrive on every other: through the span model and each dialect."""

from hypothesis import given
from hypothesis import strategies as st

from bridge.core.content import Content
from bridge.core.ids import Network, Person, PersonId
from bridge.core.splitting import lines
from bridge.core.styling import from_styling, plain, to_styling
from bridge.core.text import clean
from connectors.irc.speaking import formatting
from connectors.telegram.entities import from_entities, to_entities

FAMILY = Network("family")
BODIES = st.text(st.one_of(st.sampled_from("*_~`> \nab🚢é"), st.characters()), max_size=60).map(clean)
NOTHING = " \n\u2060"


def bare(text: str) -> str:
    """Return what has to arrive: lines may end elsewhere, blanks may come and go, and control characters are no text."""
    return "".join(character for character in text if character.isprintable() and character not in NOTHING)


def on_irc(content: Content) -> Content:
    """Say something on IRC, and read it there."""
    read = [formatting.read(formatting.write(line.text, line.spans)) for line in lines(content)]
    return Content(text="\n".join(text for text, _ in read))


def on_telegram(content: Content) -> Content:
    """Say something on Telegram, and read it there."""
    text, entities = to_entities(content, network=FAMILY)
    return from_entities(text, entities, network=FAMILY, known=lambda name: Person(FAMILY, PersonId(name)))


def on_xmpp(content: Content) -> Content:
    """Say something on XMPP, and read it there."""
    styled = to_styling(content)
    return Content(text=styled.body) if styled.unstyled else from_styling(styled.body)


def missing(words: str, said: str) -> bool:
    """Tell whether words are not all there, in order; marks and addresses may stand between them."""
    left = iter(said)
    return not all(character in left for character in words)


@given(BODIES)
def test_from_xmpp(body: str) -> None:
    content = from_styling(body)
    assert bare(on_irc(content).text) == bare(content.text)
    assert bare(on_telegram(content).text) == bare(content.text)
    assert not missing(bare(content.text), bare(plain(content).text))


@given(BODIES, st.booleans())
def test_from_irc(line: str, bold: bool) -> None:
    text, spans = formatting.read(f"\x02{line}\x0f tail" if bold else line)
    content = Content(text=clean(text), spans=spans)
    assert not missing(bare(content.text), bare(on_xmpp(content).text))
    assert bare(on_telegram(content).text) == bare(content.text)


@given(BODIES)
def test_through_all_of_them(body: str) -> None:
    content = from_styling(body)
    assert not missing(bare(content.text), bare(on_xmpp(on_irc(on_telegram(content))).text))
