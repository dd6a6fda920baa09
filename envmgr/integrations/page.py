"""One self-contained HTML page: no request leaves it, and nothing that a package says becomes code in it."""

from __future__ import annotations

from html import escape

_STYLE = """
:root{color-scheme:light dark;--ink:#1b1f24;--dim:#5a646f;--paper:#fff;--line:#d7dce1;--shade:#f3f5f7;--conda:#2f7d4f;
--pip:#a85b00;--mark:#0b62c4}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ec;--dim:#9aa5b1;--paper:#14171a;--line:#333a41;--shade:#1d2226;
--conda:#63c18a;--pip:#f0a64b;--mark:#6fb1ff}}
*{box-sizing:border-box}body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);margin:0 auto;
max-width:1160px;padding:1.5rem}
h1{margin:0;font-size:1.7rem}h2{margin:2.2rem 0 .6rem;font-size:1.15rem}.dim{color:var(--dim)}
.facts{display:flex;flex-wrap:wrap;gap:.5rem 2rem;margin:1rem 0}.facts b{display:block;font-size:1.25rem}
nav a{margin-right:1rem}a{color:var(--mark)}
table{border-collapse:collapse;width:100%;font-size:.92rem}th,td{text-align:left;padding:.28rem .6rem .28rem 0;
border-bottom:1px solid var(--line);vertical-align:top}th{position:sticky;top:0;background:var(--paper);font-weight:600}
th button{all:unset;cursor:pointer}th button:focus-visible{outline:2px solid var(--mark)}td.n,th.n{text-align:right}
td.n,td.d{white-space:nowrap}
.conda{color:var(--conda)}.pip{color:var(--pip)}code{font:.9em ui-monospace,monospace;overflow-wrap:anywhere}
input{font:inherit;color:inherit;background:var(--shade);border:1px solid var(--line);border-radius:4px;
padding:.3rem .6rem;width:16rem;max-width:100%}
svg{width:100%;height:auto;display:block;background:var(--shade);border-radius:6px}
svg text{font:11px system-ui,sans-serif;fill:var(--ink);pointer-events:none}
svg .tile{stroke:var(--paper);stroke-width:1.5}
svg .tile.conda{fill:var(--conda)}svg .tile.pip{fill:var(--pip)}
svg .tile{fill-opacity:.28}svg .tile:hover{fill-opacity:.5}
svg .edge{fill:none;stroke:var(--dim);stroke-opacity:.28}svg .node{fill:var(--paper);stroke:var(--line)}
svg g.n{cursor:pointer}
svg g.n.on .node{stroke:var(--mark);stroke-width:2}svg .edge.on{stroke:var(--mark);stroke-opacity:1}
svg.some g.n:not(.on){opacity:.25}.scroll{overflow:auto;max-height:34rem}
"""

_SCRIPT = """
"use strict";
const rows=[...document.querySelectorAll("#packages tbody tr")];
document.querySelector("#find").addEventListener("input",e=>{const w=e.target.value.toLowerCase();
for(const r of rows)r.hidden=!r.textContent.toLowerCase().includes(w)});
document.querySelectorAll("#packages th button").forEach((b,i)=>{let up=false;b.addEventListener("click",()=>{up=!up;
const k=r=>r.cells[i].dataset.k??r.cells[i].textContent.toLowerCase();
rows.sort((a,c)=>{const x=k(a),y=k(c),d=isNaN(x)||isNaN(y)?String(x).localeCompare(String(y)):x-y;return up?d:-d});
document.querySelector("#packages tbody").append(...rows)})});
const svg=document.querySelector("#graph svg");if(svg){const edges=[...svg.querySelectorAll(".edge")];
const nodes=[...svg.querySelectorAll("g.n")];const show=n=>{const id=n&&n.dataset.i,on=new Set(n?[id]:[]);
for(const e of edges){const hit=n&&(e.dataset.a===id||e.dataset.b===id);e.classList.toggle("on",!!hit);
if(hit){on.add(e.dataset.a);on.add(e.dataset.b)}}
for(const m of nodes)m.classList.toggle("on",on.has(m.dataset.i));svg.classList.toggle("some",!!n)};
for(const n of nodes){n.addEventListener("mouseenter",()=>show(n));n.addEventListener("mouseleave",()=>show(null));
n.addEventListener("focus",()=>show(n));n.addEventListener("blur",()=>show(null))}}
"""


def page(title: str, body: str) -> str:
    """Return a whole page; `body` is HTML in which everything foreign went through `text`."""
    policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{text(title)}</title>\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n{body}\n<script>{_SCRIPT}</script>\n</body>\n</html>\n"
    )


def text(value: object) -> str:
    """Return foreign text as HTML shows it, without what would steer a reader: control characters become `?`."""
    plain = "".join(c if c.isprintable() or c == " " else "?" for c in str(value))
    return escape(plain, quote=True)
