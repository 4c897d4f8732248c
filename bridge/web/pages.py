"""What a browser shows at ``/`` of the administration's listener: the bridge at a glance.

One document without anything in it: it asks ``/readyz``, which is open, and ``/api/v1/status``, with the bearer token that its
reader gives and that stays in the browser's tab. What the bridge answers is put in as text, never as markup. Called by
:mod:`bridge.web.admin`.
"""

import base64
import hashlib
from typing import Final

from aiohttp import web

_STYLE: Final = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color-scheme: light dark }
table { border-collapse: collapse; width: 100%; margin-bottom: 1.5rem }
th, td { text-align: left; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid #8884; overflow-wrap: anywhere }
"""

_SCRIPT: Final = """
const at = id => document.getElementById(id);
const table = (title, heads, rows) => {
  const caption = document.createElement('h2'), made = document.createElement('table');
  caption.textContent = title;
  const line = (cells, kind) => {
    const row = made.insertRow();
    for (const cell of cells) row.appendChild(document.createElement(kind)).textContent = cell;
  };
  line(heads, 'th');
  rows.forEach(cells => line(cells, 'td'));
  return rows.length ? [caption, made] : [];
};
const since = at => at ? new Date(at).toLocaleString() : '';
const shown = (status, letters) => [
  ...table('Networks', ['Network', 'Connector', 'Status', 'Since', 'Puppets', 'Detail'],
    status.networks.map(one => [one.name, one.connector, one.status, since(one.since), one.puppets.present, one.detail])),
  ...table('Links', ['Link', 'Room', 'State', 'From', 'Detail'], status.links.flatMap(link =>
    link.rooms.map(one => [link.name, one.room, one.open ? 'open' : 'closed', link.origin, one.reason]))),
  ...table('Queues', ['Room', 'Waiting', 'Under way', 'Oldest', 'Reason'],
    status.queues.map(one => [one.room, one.waiting + (one.more ? '+' : ''), one.flying, since(one.oldest), one.reason])),
  ...table('Dead letters: ' + status.dead_letters, ['Room', 'What', 'Given up', 'Attempts', 'Reason'],
    letters.map(one => [one.room, one.what, since(one.at), one.attempts, one.reason])),
];
const ask = (path, token) => fetch(path, { headers: { Authorization: 'Bearer ' + token } });
const look = async () => {
  const ready = await (await fetch('readyz')).json();
  const troubles = Object.entries(ready.unready).map(([what, why]) => what + ': ' + why);
  at('ready').textContent = ready.ready ? 'Everything is up.' : 'Not up: ' + troubles.join('; ');
  const token = sessionStorage.getItem('token');
  if (!token) return;
  const answer = await ask('api/v1/status', token);
  if (answer.status === 401) sessionStorage.removeItem('token');
  at('trouble').textContent = answer.ok ? '' : (await answer.json()).detail;
  at('ask').hidden = answer.ok;
  if (!answer.ok) return at('status').replaceChildren();
  const status = await answer.json(), letters = status.dead_letters ? await (await ask('api/v1/deadletters', token)).json() : [];
  at('status').replaceChildren(...shown(status, letters.slice(0, 100)));
};
const tried = () => look().catch(() => { at('ready').textContent = 'The bridge does not answer.'; });
at('ask').addEventListener('submit', event => {
  event.preventDefault();
  sessionStorage.setItem('token', at('token').value);
  at('token').value = '';
  tried();
});
tried();
setInterval(tried, 10000);
"""


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_hash(_STYLE)}'; script-src 'sha256-{_hash(_SCRIPT)}'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class Pages:
    """The page, made once."""

    def __init__(self, *, version: str) -> None:
        self._page = f"""<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Linkspan</title><meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>
<body>
<h1>Linkspan {version}</h1>
<p id="ready" role="status">…</p>
<form id="ask"><label>Networks, links, queues and dead letters are shown with the token that is <code>admin_token</code> under
<code>[http]</code> in the configuration; where there is none, set one:
<input id="token" type="password" autocomplete="off" required></label> <button>Show</button></form>
<p id="trouble" role="alert"></p>
<div id="status"></div>
<p><a href="metrics">Metrics</a>, <a href="readyz">readiness</a>, <a href="api/v1/openapi.json">the API</a></p>
<script>{_SCRIPT}</script>
</body>
</html>
"""

    async def show(self, _request: web.Request) -> web.Response:
        """Answer with the page."""
        return web.Response(text=self._page, content_type="text/html", headers=_HEADERS)
