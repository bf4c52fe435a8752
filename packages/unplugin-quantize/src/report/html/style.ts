/** The page's style. Both schemes have text of at least 4.5 : 1 and lines of at least 3 : 1 against what is behind them. */
export const STYLE = `
:root{color-scheme:light dark;--paper:#fff;--card:#f6f7f9;--ink:#1b1f24;--quiet:#57606a;--line:#d0d7de;--source:#8c959f;--artefact:#0a5fd1;--good:#116329;--bad:#b3261e;--accent:#0a5fd1;--beaten:#6e7781}
@media (prefers-color-scheme:dark){:root{--paper:#0d1117;--card:#161b22;--ink:#e6edf3;--quiet:#9aa4af;--line:#343b44;--source:#7d8590;--artefact:#58a6ff;--good:#56d364;--bad:#ff7b72;--accent:#6cb2ff;--beaten:#8b949e}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:72rem;padding:1.5rem clamp(.75rem,3vw,2rem) 4rem;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
h1{font-size:1.5rem;margin:0 0 1rem}h2{font-size:1.2rem;margin:0 0 .5rem;overflow-wrap:anywhere}h3{font-size:1rem;margin:1rem 0 .25rem}h4{font-size:.95rem;margin:1.25rem 0 .4rem}
small,.quiet{color:var(--quiet);font-weight:400}small{font-size:.85em}
a{color:var(--accent)}code{font:.9em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
a:focus-visible,summary:focus-visible,button:focus-visible,.scroll:focus-visible,input:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:.75rem;margin-bottom:1rem}
.tile{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:.6rem .9rem}.tile b{display:block;font-size:1.35rem}.tile span{color:var(--quiet)}.tile i{font-style:normal;color:var(--good)}.tile.bad b{color:var(--bad)}
section{margin-top:2rem;padding-top:1.25rem;border-top:1px solid var(--line)}
details{border:1px solid var(--line);border-radius:.5rem;margin:.75rem 0;padding:0 .9rem}details[open]{padding-bottom:.9rem}summary{cursor:pointer;padding:.55rem 0;font-weight:600;overflow-wrap:anywhere}
.scroll{overflow-x:auto;max-width:100%}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:.92em}
th,td{text-align:left;padding:.35rem .7rem .35rem 0;border-bottom:1px solid var(--line);vertical-align:top;white-space:nowrap}
th{color:var(--quiet);font-weight:600;vertical-align:bottom}td.wrap,th.wrap{white-space:normal;overflow-wrap:anywhere;min-width:12rem}.right{text-align:right}
th button{all:unset;cursor:pointer;font:inherit;color:inherit}th button::after{content:" \\2195";opacity:.55}th[aria-sort=ascending] button::after{content:" \\2191";opacity:1}th[aria-sort=descending] button::after{content:" \\2193";opacity:1}
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.good{color:var(--good)}.bad{color:var(--bad)}
input{font:inherit;color:inherit;background:var(--card);border:1px solid var(--line);border-radius:.35rem;padding:.25rem .5rem}
ul{margin:.25rem 0;padding-left:1.25rem;overflow-wrap:anywhere}
svg{display:block;max-width:100%;height:auto}svg text{font:12px system-ui,sans-serif;fill:var(--ink)}svg .tick,svg .axis-name{fill:var(--quiet)}
.chart{width:640px}.bars{width:560px}.scroll .chart{min-width:520px}
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(15rem,1fr));gap:1rem}figure{margin:0}figcaption{font-size:.88em;overflow-wrap:anywhere}.histogram{width:100%}
rect.source{fill:var(--source)}rect.artefact{fill:var(--artefact)}
.reach{stroke:var(--quiet);stroke-width:1.5}.gridline{stroke:var(--line)}.axis{stroke:var(--quiet)}.mark{stroke:var(--bad);stroke-width:1.5;stroke-dasharray:4 3}
.area{fill:var(--source);opacity:.75}.outline{fill:none;stroke:var(--artefact);stroke-width:1.5}
.front{fill:none;stroke:var(--artefact);stroke-width:1.5;opacity:.6}.margin{stroke:var(--quiet);stroke-width:1.5}
.point{fill:var(--artefact);stroke:var(--paper);stroke-width:1.5}.point.source{fill:var(--source)}.point.tried{fill:var(--paper);stroke:var(--artefact)}.point.beaten{fill:var(--paper);stroke:var(--beaten)}svg .point-name{font-weight:600}svg .point-name.beaten{font-weight:400;fill:var(--quiet)}
@media print{details{break-inside:avoid}.scroll{overflow:visible}}
`.trim();
