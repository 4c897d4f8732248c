-- One copy of each room's traffic per component, instead of one per puppet.
--
-- A component that has many occupants in a room (a bridge with its ghosts) asks for it by joining once from its own bare
-- domain ("bridge.example.org/anything") with <collapse xmlns='urn:linkspan:muc-puppets:0'/> in that presence. That occupant is
-- the listener. While it is in the room, broadcast messages and the presence of others go to the listener only and not to the
-- other occupants of that domain, the puppets. A puppet still gets what is meant for it: its own presence (110, nick change,
-- kick, ban, leave), private messages, IQs, errors. Without a listener in the room everything is as usual, so a component
-- that does not ask, or whose listener is kicked, sees no difference.
--
-- Load it on the MUC component: modules_enabled = { "muc_puppets" }. For Prosody 0.12 and 13.

local jid_host = require "util.jid".host;
local next = next;

local xmlns = "urn:linkspan:muc-puppets:0";

local muc = module:depends "muc";
local room_mt = muc.room_mt or error("mod_muc of this Prosody does not offer room_mt; mod_muc_puppets needs 0.12 or 13");

module:add_feature(xmlns);
module:hook("muc-disco#info", function (event)
	event.reply:tag("feature", { var = xmlns }):up();
end);

local active = true; -- false once unloaded: wrappers that somebody else has wrapped in turn just pass through

-- Whether an occupant is a listener: a session of a bare domain, and its presence asks for it.
local function is_listener(occupant)
	local bare_jid = occupant.bare_jid;
	if bare_jid ~= jid_host(bare_jid) then return false; end
	for _, presence in occupant:each_session() do
		if presence.attr.type == nil and presence:get_child("collapse", xmlns) then return true; end
	end
	return false;
end

-- The occupants that broadcasts go to, as nick -> occupant, and the domains that are collapsed; false if none is.
-- Kept in the room until a listener comes or goes; everybody else is added and removed as they come and go.
local function receivers(room)
	local known = room._muc_puppets;
	if known ~= nil then return known; end
	local collapsed = {};
	for _, occupant in next, room._occupants do
		if is_listener(occupant) then collapsed[occupant.bare_jid] = true; end
	end
	known = false;
	if next(collapsed) ~= nil then
		local all = {};
		for nick, occupant in next, room._occupants do
			local bare_jid = occupant.bare_jid;
			local host = jid_host(bare_jid);
			if bare_jid == host or not collapsed[host] then all[nick] = occupant; end
		end
		known = { all = all, collapsed = collapsed };
	end
	room._muc_puppets = known;
	return known;
end

for _, name in ipairs { "broadcast", "each_occupant", "publicise_occupant_status", "save_occupant", "send_occupant_list" } do
	if not room_mt[name] then error("mod_muc of this Prosody has no "..name.."; mod_muc_puppets does not fit it"); end
end

local wrapped, ours = {}, {};
local function wrap(name, wrapper)
	local original = room_mt[name];
	wrapped[name] = original;
	ours[name] = function (...)
		if not active then return original(...); end
		return wrapper(original, ...);
	end;
	room_mt[name] = ours[name];
end

wrap("save_occupant", function (original, room, occupant)
	local saved = original(room, occupant);
	local known = room._muc_puppets;
	if known == nil then return saved; end
	local bare_jid = occupant.bare_jid;
	local host = jid_host(bare_jid);
	if bare_jid == host then
		room._muc_puppets = nil; -- perhaps a listener that came or went
	elseif known and not known.collapsed[host] then
		known.all[occupant.nick] = saved;
	elseif known then
		known.all[occupant.nick] = nil; -- a puppet; its nick may have been somebody else's
	end
	return saved;
end);

-- The message of a room, and whatever else goes to every occupant: to every receiver. By then archive, history and
-- filters have seen it.
wrap("broadcast", function (original, room, stanza, condition)
	local known = receivers(room);
	if not known then return original(room, stanza, condition); end
	for nick, occupant in next, known.all do
		if condition == nil or condition(nick, occupant) then room:route_to_occupant(occupant, stanza); end
	end
end);

-- A presence is broadcast in one loop over each_occupant, right behind the event muc-broadcast-presence; nothing else may
-- get fewer occupants than there are. So the last handler of that event lets the next each_occupant of this room, and only
-- that, give the receivers. An error on the way must not leave it so.
local next_is_broadcast;
module:hook("muc-broadcast-presence", function (event)
	next_is_broadcast = event.room;
end, -10000);

wrap("each_occupant", function (original, room, ...)
	if next_is_broadcast == room then
		next_is_broadcast = nil;
		local known = receivers(room);
		if known then return next, known.all, nil; end
	end
	return original(room, ...);
end);

local function finish(ok, ...)
	next_is_broadcast = nil;
	if not ok then error((...), 0); end
	return ...;
end
wrap("publicise_occupant_status", function (original, room, ...)
	return finish(pcall(original, room, ...));
end);

-- A puppet that joins is not told who is there: its component knows from the listener.
wrap("send_occupant_list", function (original, room, to, ...)
	local known = receivers(room);
	if known then
		local nick = room._jid_nick[to];
		if known.collapsed[jid_host(to)] and not (nick and known.all[nick]) then return; end
	end
	return original(room, to, ...);
end);

local function forget_all()
	for room in (muc.live_rooms or muc.each_room)(true) do room._muc_puppets = nil; end
end
forget_all();

function module.unload()
	active = false;
	for name, original in next, wrapped do
		if room_mt[name] == ours[name] then room_mt[name] = original; end
	end
	forget_all();
end
