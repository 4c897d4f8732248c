"""What a hosted room shows of itself in disco#info (XEP-0045 section 6.4). Pure; called by ``service``."""

from bridge.core.acts import Configuration, Setting
from bridge.core.ids import Room
from bridge.xmpp.hosted import speech
from bridge.xmpp.hosted.room import HostedRoom
from bridge.xmpp.ports import Described, Form, Photo
from bridge.xmpp.wire import namespaces as ns

FEATURES = (
    ns.MUC,
    ns.MUC_REGISTER,
    ns.MUC_REQUEST,
    ns.MUC_ROOMCONFIG,
    ns.MUC_ROOMINFO,
    "http://jabber.org/protocol/muc#stable_id",
    "muc_nonanonymous",
    ns.PING_SELF,
    ns.IDS,
    ns.OCCUPANT_ID,
    ns.HATS,
)
"""What every hosted room can do (XEP-0045 section 6.4)."""
_KINDS = (
    (Setting.INVITED_ONLY, "muc_membersonly", "muc_open"),
    (Setting.HIDDEN, "muc_hidden", "muc_public"),
    (Setting.MODERATED, "muc_moderated", "muc_unmoderated"),
)


def features(now: Configuration, *, persistent: bool, kept: bool) -> tuple[str, ...]:
    """Return what a room can do; ``persistent``: users stay without a client, ``kept``: what is said is."""
    archive = (ns.MAM, ns.MAM_EXTENDED) if kept else ()
    return (*FEATURES, *_kinds(now), "muc_persistent" if persistent else "muc_temporary", *archive)


def described(
    remote: Room, now: Configuration, *, room: HostedRoom | None, title: str, able: tuple[str, ...], photo: Photo | None
) -> Described:
    """Return what a room is: ``able`` are its features, ``room`` is given where it may be told who is there."""
    return Described(
        category="conference",
        kind="text",  # whatever the network: clients look for just this (XEP-0045 section 6.4)
        name=title,
        features=able,
        forms=(_about(room, remote, now, photo),),
        photo=photo,
    )


def _kinds(now: Configuration) -> tuple[str, ...]:
    """Return what kind of room it is, as features."""
    kinds = tuple(yes if now.settings.get(setting) else no for setting, yes, no in _KINDS)
    return (*kinds, "muc_passwordprotected" if now.password else "muc_unsecured")


def _about(room: HostedRoom | None, remote: Room, now: Configuration, photo: Photo | None) -> Form:
    """Return what disco#info tells of a room beyond its features (section 6.4); ``room`` where that may be told."""
    by_all = now.settings.get(Setting.TOPIC_BY_ALL, True)
    fields = {
        "muc#maxhistoryfetch": str(speech.MOST),
        "muc#roomconfig_roomname": str(remote.id),
        "muc#roominfo_description": str(remote),
        "muc#roominfo_changesubject": "1" if by_all else "0",
        "muc#roominfo_subjectmod": "0" if by_all else "1",
    }
    if photo is not None:
        fields["muc#roominfo_avatarhash"] = photo.sha1
    if room is not None:
        fields["muc#roominfo_occupants"] = str(sum(1 for _ in room))
        fields["muc#roominfo_subject"] = room.subject.text
    return Form(ns.MUC_ROOMINFO, fields)
