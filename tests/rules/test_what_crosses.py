"""The table of what crosses is what the connectors declare, and every cell of it is read on the wire."""

from pathlib import Path

from bridge import listing
from bridge.core.capabilities import Feature
from bridge.xmpp.connector import CAPABILITIES as XMPP
from connectors.irc.connector import CAPABILITIES as IRC
from connectors.telegram.capabilities import CAPABILITIES as TELEGRAM
from tests.support.crossing import CELLS

PAGE = Path(__file__).parents[2] / "docs/users/what-crosses.md"
TABLE = listing.crossing({"to XMPP": XMPP, "to IRC": IRC, "to Telegram": TELEGRAM})


def test_the_table_in_the_document_is_what_the_connectors_declare() -> None:
    assert TABLE in PAGE.read_text(), f"in {PAGE.name} the table has to read:\n{TABLE}"


def test_every_cell_is_read_on_the_wire() -> None:
    read = {(cell.feature, network) for cell in CELLS for network in cell.networks}
    assert {(feature, network) for feature in Feature for network in ("xmpp", "irc", "telegram")} - read == set()


def test_a_form_is_told_only_of_what_is_there() -> None:
    for able in (XMPP, IRC, TELEGRAM):
        assert {feature for feature in able.forms if able.support(feature).value in {"dropped", "refused"}} == set()
