"""What is said in hosted rooms and in private waits for its files, and what is said behind it for that."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from msgspec.structs import replace

from bridge.core.content import Attachment, Content
from bridge.core.deliveries import Post, Sent
from bridge.core.failures import Permanent, Retry
from bridge.core.ids import MessageId, Person
from bridge.xmpp.messages.placing import Conversations
from bridge.xmpp.messages.sharing import Placed
from tests.support import build
from tests.support.clock import quiet

PHOTO = Attachment(url="https://bridge/media/x", handle="h1", network="family")


class Uploads:
    """Places a file when it is told to."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()

    def needed(self, file: Attachment) -> bool:
        return bool(file.handle)

    async def place(self, file: Attachment, by: Person | None = None) -> Placed:
        await self.gate.wait()
        return Placed(file=replace(file, url="https://up/1", handle=""), sha256=b"x")


class Around:
    """As much of the surroundings as is used."""

    def __init__(self) -> None:
        self.uploads = Uploads()
        self.stopping = False
        self.tasks: list[asyncio.Task[Any]] = []

    def spawn(self, work: Coroutine[Any, Any, Any]) -> bool:
        if self.stopping:
            work.close()
            return False
        self.tasks.append(asyncio.ensure_future(work))
        return True


class Talk:
    def __init__(self) -> None:
        self.around = Around()
        self.said: list[tuple[str, list[str], int]] = []
        self.answer: Callable[[], Sent] = lambda: Sent((MessageId("s1"),))
        self.conversations: Conversations[Post] = Conversations(self.around, self._say)  # type: ignore[arg-type]

    def _say(self, post: Post, placed: tuple[Placed, ...]) -> "asyncio.Future[Sent]":
        self.said.append((post.content.text, [file.url for file in post.content.attachments], len(placed)))
        done: asyncio.Future[Sent] = asyncio.get_running_loop().create_future()
        try:
            done.set_result(self.answer())
        except Permanent as failed:
            done.set_exception(failed)
        return done

    def say(self, text: str, *files: Attachment, to: str = "xmpp:a%b@c") -> "asyncio.Future[Sent]":
        return self.conversations.say(replace(build.post("x", to=to), content=Content(text=text, attachments=files)))


async def test_the_order_of_a_conversation_stays():
    talk = Talk()
    first = talk.say("at once")
    assert first.done()
    waiting = [talk.say("look", PHOTO), talk.say("and then"), talk.say("and more")]
    talk.say("elsewhere", to="xmpp:d%e@c")
    await quiet()
    assert [text for text, _, _ in talk.said] == ["at once", "elsewhere"]
    talk.around.uploads.gate.set()
    await quiet()
    assert talk.said[2:] == [("look", ["https://up/1"], 1), ("and then", [], 0), ("and more", [], 0)]
    assert [each.result().ids for each in waiting] == [("s1",)] * 3
    assert talk.say("at once again").done()


async def test_a_failure_is_told_and_holds_up_nobody():
    talk = Talk()
    look, then = talk.say("look", PHOTO), talk.say("and then")
    answers = iter([Permanent("no"), None])

    def answer() -> Sent:
        failed = next(answers)
        if failed is not None:
            raise failed
        return Sent()

    talk.answer = answer
    talk.around.uploads.gate.set()
    await quiet()
    with pytest.raises(Permanent, match="no"):
        look.result()
    assert then.result() == Sent()


async def test_what_waits_at_the_end_goes_back():
    talk = Talk()
    look, then = talk.say("look", PHOTO), talk.say("and then")
    await quiet()
    for task in talk.around.tasks:
        task.cancel()
    await quiet()
    for each in (look, then):
        with pytest.raises(Retry):
            each.result()
    talk.around.stopping = True
    with pytest.raises(Retry):
        talk.say("too late", PHOTO).result()
