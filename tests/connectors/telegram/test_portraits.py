"""Pictures of people: asked for when they are first met, the same after a restart, told anew when they change."""

from bridge.core.events import MemberJoined, MessagePosted, RoomChanged
from bridge.core.ids import RoomId
from connectors.telegram.portraits import FRESH
from tests.support.telegram.stage import HastyClock, stage

GIF = b"GIF89a"


def pictures(s, name):
    """Return what somebody's picture was called, each time that it was told."""
    return [event.member.avatar for event in s.hub.of(MemberJoined) if event.member.name.startswith(name)]


async def looked(s, times):
    await s.api.until(lambda: len(s.api.wire("getUserProfilePhotos")) >= times)


async def test_somebodys_picture_is_told_when_it_is_known_and_can_be_read():
    async with stage() as s:
        s.world.portrays(s.alice, GIF)
        s.group.says(s.alice, "hello")
        await s.hub.until(lambda: pictures(s, "Alice"))
        (handle,) = pictures(s, "Alice")
        async with s.connector.open_file(handle) as opened:
            assert b"".join([chunk async for chunk in opened.chunks]) == GIF + b"\x02"  # of 320 pixels
        s.group.says(s.alice, "again")
        await s.hub.posted("hello", "again")
        assert [event.sender.avatar for event in s.hub.of(MessagePosted)] == ["", handle]
        assert s.hub.of(MessagePosted)[0].sender.handle == "@alice"
        assert len(s.api.wire("getUserProfilePhotos")) == 1


async def test_who_has_none_is_asked_for_once_and_nothing_is_told():
    async with stage() as s:
        s.group.says(s.bob, "hello")
        await looked(s, 1)
        s.group.says(s.bob, "again")
        await s.hub.posted("hello", "again")
        assert len(s.api.wire("getUserProfilePhotos")) == 1
        assert pictures(s, "Bob") == []


async def test_a_picture_has_the_same_name_after_a_restart():
    async with stage() as s:
        s.world.portrays(s.alice, GIF)
        s.group.says(s.alice, "hello")
        await s.hub.until(lambda: pictures(s, "Alice"))
        (handle,) = pictures(s, "Alice")
        await s.restart()
        s.group.says(s.alice, "again")
        await s.hub.posted("again")
        assert s.hub.of(MessagePosted)[0].sender.avatar == handle
        assert len(s.api.wire("getUserProfilePhotos")) == 1


async def test_a_new_picture_is_found_a_day_later_in_all_rooms_where_they_are():
    clock = HastyClock()
    async with stage(started=False, clock=clock) as s:
        other = s.world.supergroup("Other", s.alice, s.bot)
        s.rooms.append(other)
        await s.start()
        s.world.portrays(s.alice, GIF)
        for chat in (s.group, other):
            chat.says(s.alice, "hello")
        await s.hub.until(lambda: len(pictures(s, "Alice")) == 2)
        s.world.portrays(s.alice, GIF + b"new")
        clock.elapsed += FRESH + 1
        s.group.says(s.alice, "a day later")
        await s.hub.until(lambda: len(pictures(s, "Alice")) == 4)
        before, _, *after = pictures(s, "Alice")
        assert before not in after
        assert len(set(after)) == 1


async def test_a_chat_that_speaks_itself_has_its_own_picture():
    async with stage() as s:
        file = s.world.keep(GIF)
        s.group.picture = {
            "small_file_id": file.id, "small_file_unique_id": file.unique, "big_file_id": "b", "big_file_unique_id": "b",
        }  # fmt: skip
        s.group.posts(s.alice, text="as the group", sender_chat=s.group.json())
        await s.hub.until(lambda: pictures(s, "Ferry port"))
        assert pictures(s, "Ferry port") == [file.id]


async def test_trouble_with_pictures_is_no_trouble_with_messages():
    async with stage() as s:
        s.world.portrays(s.alice, GIF)
        s.api.fails("getUserProfilePhotos", 502, "Bad Gateway")
        s.group.says(s.alice, "hello")
        await looked(s, 1)
        s.group.says(s.alice, "again")
        await s.hub.posted("hello", "again")


async def test_a_groups_picture_is_its_rooms():
    async with stage() as s:
        file = s.world.keep(GIF)
        s.group.picture = {
            "small_file_id": file.id, "small_file_unique_id": file.unique, "big_file_id": "b", "big_file_unique_id": "b",
        }  # fmt: skip
        room = RoomId(str(s.group.id))
        assert s.connector.picture(room) == ""  # it is asked for now
        await s.hub.until(lambda: s.hub.of(RoomChanged))
        assert s.hub.of(RoomChanged)[0].origin.room.id == room
        assert s.connector.picture(room) == file.id
        assert s.connector.picture(RoomId("nonsense")) == s.connector.picture(RoomId("-1")) == ""
