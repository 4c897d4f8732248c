"""What occupants ask of each other through the room: invitations and what becomes of them, and voice (XEP-0045 sections 7.8, 7.13, 8.6).

People of the remote network are invited there, over the inviter's own connection; everybody else is passed the word, and
may decline. Who may not speak asks those of our users who could change that, and what they grant is done on the
remote network. Called by ``service`` with messages to a room that are not meant for everybody.
"""

from collections import deque
from collections.abc import Callable
from xml.etree.ElementTree import Element

from bridge.core.acts import Act, ActRefused, Appoint, Invite
from bridge.core.events import Rank
from bridge.core.jids import from_localpart
from bridge.xmpp.hosted.occupants import MODERATORS, Occupant
from bridge.xmpp.hosted.places import CONDITIONS, Place
from bridge.xmpp.hosted.ports import Gateway
from bridge.xmpp.hosted.requests import Refused
from bridge.xmpp.joined import muc
from bridge.xmpp.messages import inbound
from bridge.xmpp.surroundings import RESOURCE, Surroundings
from bridge.xmpp.wire import namespaces as ns
from bridge.xmpp.wire import stanzas

Bounce = Callable[[Element, Refused], None]

MOST_INVITED = 1_000
"""Invitations that can still be declined."""
_X = muc.X
_INVITE, _DECLINE, _REASON = (f"{{{ns.MUC_USER}}}{name}" for name in ("invite", "decline", "reason"))
_DATA = f"{{{ns.DATA}}}"
_DIRECT = f"{{{ns.CONFERENCE}}}x"


class Petitions:
    """Passes on what people ask of each other."""

    def __init__(
        self,
        around: Surroundings,
        *,
        gateway: Callable[[], Gateway | None],
        bounce: Bounce,
        clients_of: Callable[[str, str], list[str]],
    ) -> None:
        """``clients_of`` returns the clients of an occupant, by room and occupant JID."""
        self._around = around
        self._clients_of = clients_of
        self._gateway = gateway
        self._bounce = bounce
        self._invited: deque[tuple[str, str, str]] = deque(
            maxlen=MOST_INVITED
        )  # room, inviter, bare JID of the invited

    def take(self, place: Place, occupant: Occupant, element: Element) -> None:
        """Take what somebody who is here wants of the room."""
        x, form = element.find(_X), element.find(f"{_DATA}x")
        if x is not None and (invitations := x.findall(_INVITE)):
            for invite in invitations:
                self._invite(place, occupant, invite, element)
        elif form is not None and _field(form, "FORM_TYPE") == ns.MUC_REQUEST:
            self._about_voice(place, occupant, form, element)
        elif element.find(inbound.BODY) is not None:
            words = "what is said to all is sent as groupchat, what is said to one goes to ROOM/NICK"
            self._bounce(element, Refused("bad-request", words))

    # -- invitations

    def declined(self, room: str, element: Element) -> bool:
        """Take the answer of somebody who was invited and does not want to (section 7.8.2); False: it is none."""
        x = element.find(_X)
        decline = x.find(_DECLINE) if x is not None else None
        if decline is None:
            return False
        client = element.get("from", "").partition("/")[0]
        asked = [known for known in self._invited if known[0] == room and known[2] == client]
        answered = [known for known in asked if decline.get("to", "") in (known[1], room)]
        if not answered:
            return True  # nobody of here has asked
        inviter = answered[-1][1]
        self._invited.remove(answered[-1])
        reason = decline.findtext(_REASON, "")
        inner = stanzas.element("reason", words=reason) if reason else ""
        told = stanzas.element("decline", attrs={"from": client}, children=inner)
        for known in self._clients_of(room, inviter):
            extra = stanzas.element("x", ns.MUC_USER, children=told)
            self._around.component.send(stanzas.message(room, known, extra=extra))
        return True

    def directly(self, place: Place | None, element: Element, to: str) -> bool:
        """Take a direct invitation into a hosted room to somebody of its network (XEP-0249); False: it is something else."""
        client = element.get("from", "")
        occupant = place.room.at(client) if place is not None else None
        if place is None or occupant is None:
            return False
        found = from_localpart(to.rpartition("@")[0])
        if found is None or found[1] not in (None, place.remote.network):
            return False
        self._around.spawn(self._do(place, occupant, Invite(found[0]), element))
        return True

    def _invite(self, place: Place, occupant: Occupant, invite: Element, element: Element) -> None:
        """Invite somebody (section 7.8.2)."""
        to, reason = invite.get("to", "").partition("/")[0], invite.findtext(_REASON, "")
        localpart, _, domain = to.rpartition("@")
        if domain != place.id.rpartition("@")[2]:
            if not domain:
                self._bounce(element, Refused("jid-malformed", "it does not say who is invited"))
                return
            sender = f"{place.id}/{occupant.nick}"
            self._invited.append((place.id, sender, to))
            self._around.component.send(invitation(place.id, sender, to, reason=reason, password=place.password))
            return
        found = from_localpart(localpart)
        if found is None or found[1] not in (None, place.remote.network):
            self._bounce(element, Refused("item-not-found", "there is nobody of this name on the room's network"))
            return
        self._around.spawn(self._do(place, occupant, Invite(found[0]), element))

    async def _do(self, place: Place, occupant: Occupant, act: Act, element: Element) -> None:
        gateway = self._gateway()
        try:
            if gateway is not None:
                await gateway.moderate(place.remote, occupant.person, act)
        except ActRefused as refused:
            self._bounce(element, Refused(CONDITIONS[refused.obstacle], str(refused)))

    # -- voice

    def _about_voice(self, place: Place, occupant: Occupant, form: Element, element: Element) -> None:
        if form.get("type") != "submit":
            return
        allow = _field(form, "muc#request_allow")
        if allow:
            self._granted(place, occupant, form, element, allowed=allow in ("1", "true"))
        else:
            self._asked(place, occupant, element)

    def _asked(self, place: Place, occupant: Occupant, element: Element) -> None:
        """Ask those who could give somebody a voice (section 8.6)."""
        if not place.room.moderated or occupant.rank is not Rank.MEMBER:
            self._bounce(element, Refused("conflict", "you may speak here"))
            return
        clients = [client for other in place.room if other.rank in MODERATORS for client in other.clients]
        if not clients:
            words = "nobody who could give you a voice is here by this bridge: ask an operator in private"
            self._bounce(element, Refused("item-not-found", words))
            return
        for client in clients:
            stanza = stanzas.message(place.id, client, id_=self._around.token(), extra=approval(occupant))
            self._around.component.send(stanza)

    def _granted(self, place: Place, occupant: Occupant, form: Element, element: Element, *, allowed: bool) -> None:
        """Take what somebody says to such a question."""
        asker = place.room.called(_field(form, "muc#roomnick"))
        if occupant.rank not in MODERATORS:
            self._bounce(element, Refused("forbidden", "you cannot give a voice here"))
        elif asker is None:
            self._bounce(element, Refused("item-not-found", "there is nobody of this nick in the room (any more)"))
        elif allowed:
            self._around.spawn(self._do(place, occupant, Appoint(name=asker.nick, rank=Rank.SPEAKER), element))


def invitation(room: str, sender: str, to: str, *, reason: str = "", password: str = "") -> str:
    """Return the invitation that somebody gets (section 7.8.2), with one that clients without MUC invitations know (XEP-0249)."""
    inner = stanzas.element("reason", words=reason) if reason else ""
    invite = stanzas.element("invite", attrs={"from": sender}, children=inner)
    invite += stanzas.element("password", words=password) if password else ""
    more = {"reason": reason, "password": password}
    direct = stanzas.element(
        "x", ns.CONFERENCE, attrs={"jid": room} | {key: value for key, value in more.items() if value}
    )
    return stanzas.message(room, to, extra=stanzas.element("x", ns.MUC_USER, children=invite) + direct)


def approval(asker: Occupant) -> str:
    """Return the form by which somebody is asked to give a voice (section 8.6)."""
    inner = stanzas.element("title", words="Voice request")
    inner += stanzas.element("instructions", words=f"{asker.nick} would like to speak here.")
    fields = [
        ("FORM_TYPE", "hidden", "", ns.MUC_REQUEST),
        ("muc#role", "list-single", "Requested role", "participant"),
        ("muc#jid", "jid-single", "Who it is", f"{asker.address}/{RESOURCE}" if asker.address else ""),
        ("muc#roomnick", "text-single", "Nick", asker.nick),
        ("muc#request_allow", "boolean", "May they speak?", "false"),
    ]
    for name, kind, label, value in fields:
        attrs = {"var": name, "type": kind} | ({"label": label} if label else {})
        inner += stanzas.element("field", attrs=attrs, children=stanzas.element("value", words=value))
    return stanzas.element("x", ns.DATA, attrs={"type": "form"}, children=inner)


def direct_invitation(element: Element) -> str:
    """Return the room into which a message invites directly (XEP-0249), "" if it is nothing of the kind."""
    found = element.find(_DIRECT)
    return found.get("jid", "") if found is not None else ""


def _field(form: Element, name: str) -> str:
    return next(
        (f.findtext(f"{_DATA}value", "").strip() for f in form.findall(f"{_DATA}field") if f.get("var") == name), ""
    )
