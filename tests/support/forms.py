"""Forms as people's clients fill them in: commands (XEP-0050) and registrations (XEP-0077), on real servers."""

from xml.etree.ElementTree import Element

from bridge.demo.people import XmppPerson

COMMANDS = "http://jabber.org/protocol/commands"
REGISTER = "{jabber:iq:register}"
DATA = "{jabber:x:data}"


async def execute(person: XmppPerson, to: str, node: str, session: str = "", **values: str) -> Element:
    """Send one stanza of a command, and return the command in the answer."""
    form = submitted(**values) if session else ""
    more = f" sessionid='{session}'" if session else " action='execute'"
    answer = await person.iq("set", f"<command xmlns='{COMMANDS}' node='{node}'{more}>{form}</command>", to=to)
    assert answer.get("type") == "result", "".join(answer.itertext())
    found = answer.find(f"{{{COMMANDS}}}command")
    assert found is not None
    return found


async def filled(person: XmppPerson, to: str, node: str, **values: str) -> Element:
    """Ask for a command's form, and send it filled in."""
    form = await execute(person, to, node)
    assert form.get("status") == "executing"
    return await execute(person, to, node, form.get("sessionid", ""), **values)


async def nodes(person: XmppPerson, to: str) -> set[str]:
    """Return which commands somebody is offered at an address."""
    query = f"<query xmlns='http://jabber.org/protocol/disco#items' node='{COMMANDS}'/>"
    items = await person.iq("get", query, to=to)
    return {item.get("node", "") for item in items.iter("{http://jabber.org/protocol/disco#items}item")}


async def register(person: XmppPerson, to: str, inner: str = "") -> Element:
    """Ask for a registration's form, or send what is inside one; returns the answer."""
    return await person.iq("set" if inner else "get", f"<query xmlns='jabber:iq:register'>{inner}</query>", to=to)


def submitted(**values: str) -> str:
    """Return a form that is filled in."""
    fields = "".join(f"<field var='{name}'><value>{value}</value></field>" for name, value in values.items())
    return f"<x xmlns='jabber:x:data' type='submit'>{fields}</x>"


def given(element: Element) -> dict[str, list[str]]:
    """Return the values of the fields of the form in something."""
    return {
        field.get("var", ""): [value.text or "" for value in field.iter(f"{DATA}value")]
        for field in element.iter(f"{DATA}field")
    }


def note(command: Element) -> str:
    """Return what a command says beside its form."""
    return command.findtext(f"{{{COMMANDS}}}note") or ""


def condition(answer: Element) -> str:
    """Return what an error says, "" for a result."""
    found = [el.tag for el in answer.iter() if el.tag.startswith("{urn:ietf:params:xml:ns:xmpp-stanzas}")]
    return found[0].rpartition("}")[2] if found else ""
