"""Orders to telephones, as the engine gives them."""

import msgspec

from bridge.core.content import Content
from bridge.core.deliveries import AsRelay, Head, Tell
from bridge.core.ids import DeliveryKey, MessageId, MessageRef, Person, PersonId
from tests.support.build import head, member
from tests.support.phones import BOB, PHONE


def sms_head(room: str, key: str = "") -> Head:
    made = head(room, voice=AsRelay(member=member("juliet")))
    return msgspec.structs.replace(made, key=DeliveryKey(key)) if key else made


def tell(text: str, *, to: str = BOB, key: str = "") -> Tell:
    return Tell(
        head=sms_head(f"phone:{to}", key),
        person=Person(PHONE, PersonId(to)),
        content=Content(text=text),
        message=MessageRef(head(f"phone:{to}").source, id=MessageId("m")),
    )
