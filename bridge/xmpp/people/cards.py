"""Profiles of remote people as vCards: vcard-temp (XEP-0054) and vCard4 (XEP-0292). Pure.

Every field has its own: the real name is FN, the nick NICKNAME, the server ORG, what somebody is on the network ROLE. What vCards have no
field for (account, host, rooms, idle time) stands in DESC or NOTE, a line each. Called by ``people``.
"""

import base64

from bridge.core.profiles import Profile, told
from bridge.xmpp.ports import Photo
from bridge.xmpp.wire import namespaces as ns
from bridge.xmpp.wire import stanzas

_element = stanzas.element


def temp(profile: Profile, photo: Photo | None) -> str:
    """Return the vCard in its older form."""
    inner = _element("FN", words=profile.full_name or profile.name) + _element("NICKNAME", words=profile.name)
    if profile.server:
        inner += _element("ORG", children=_element("ORGNAME", words=profile.server))
    if profile.role:
        inner += _element("ROLE", words=profile.role)
    inner += _element("DESC", words="\n".join(told(profile)))
    if photo is not None:
        words = base64.b64encode(photo.data).decode()
        parts = _element("TYPE", words=photo.media_type) + _element("BINVAL", words=words)
        inner += _element("PHOTO", children=parts)
    return _element("vCard", ns.VCARD, children=inner)


def four(profile: Profile, photo: Photo | None) -> str:
    """Return the vCard in its newer form."""
    texts = [("fn", profile.full_name or profile.name), ("nickname", profile.name), ("org", profile.server)]
    texts += [("role", profile.role), ("note", "\n".join(told(profile)))]
    inner = "".join(_element(name, children=_element("text", words=words)) for name, words in texts if words)
    if photo is not None:
        uri = f"data:{photo.media_type};base64,{base64.b64encode(photo.data).decode()}"
        inner += _element("photo", children=_element("uri", words=uri))
    return _element("vcard", ns.VCARD4, children=inner)
