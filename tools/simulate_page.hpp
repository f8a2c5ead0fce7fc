#pragma once
/// The page of `chorus simulate --format html`, around its data: drawing is done by the script below, without libraries.

#include <string_view>

namespace chorus::tools {

inline constexpr std::string_view page_head = R"PAGE(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Chorus: simulation</title>
<style>
:root { --ink:#1c2430; --soft:#667085; --line:#e3e6ec; --card:#ffffff; --ground:#f4f5f8; --accent:#2f5bea; }
@media (prefers-color-scheme: dark) { :root { --ink:#e7eaf0; --soft:#98a2b3; --line:#2c3442; --card:#181e29; --ground:#10151d; --accent:#7c9cff; } }
* { box-sizing:border-box } body { margin:0; background:var(--ground); color:var(--ink); font:14px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif }
main { max-width:1180px; margin:0 auto; padding:28px 20px 60px } h1 { font-size:22px; margin:0 } h2 { font-size:15px; margin:0 0 2px }
.sub { color:var(--soft) } section { background:var(--card); border:1px solid var(--line); border-radius:12px; padding:18px 20px; margin-top:16px }
table { border-collapse:collapse; width:100%; font-variant-numeric:tabular-nums } th { text-align:right; color:var(--soft); font-weight:500; font-size:12px; border-bottom:1px solid var(--line); padding:5px 8px }
td { text-align:right; padding:6px 8px; border-bottom:1px solid var(--line) } tr:last-child td { border-bottom:0 } th:first-child,td:first-child,th:nth-child(2),td:nth-child(2) { text-align:left }
.bar { display:flex; flex-wrap:wrap; gap:14px; align-items:center; position:sticky; top:0; z-index:5; background:var(--ground); padding:12px 0 }
.pick { display:flex; border:1px solid var(--line); border-radius:9px; overflow:hidden; background:var(--card) } .pick button { border:0; background:none; color:var(--ink); font:inherit; padding:6px 13px; cursor:pointer } .pick button.on { background:var(--accent); color:#fff }
select { font:inherit; color:var(--ink); background:var(--card); border:1px solid var(--line); border-radius:9px; padding:6px 10px; max-width:460px }
svg { display:block; width:100% } svg text { fill:var(--soft); font-size:11px } .legend { display:flex; align-items:center; gap:8px; color:var(--soft); font-size:12px; margin:6px 0 10px }
.scale { width:180px; height:10px; border-radius:5px } #tip { position:fixed; pointer-events:none; background:#111827; color:#fff; padding:7px 10px; border-radius:8px; font-size:12px; display:none; z-index:9; max-width:340px; white-space:pre-line }
.key { display:inline-flex; align-items:center; gap:5px; margin-right:14px; color:var(--soft); font-size:12px } .key i { width:11px; height:11px; border-radius:3px; display:inline-block } ul { margin:6px 0 0; padding-left:20px; color:var(--soft) }
</style></head><body><main>
<h1>Chorus simulation</h1><div class="sub" id="what"></div>
<section><h2>Policies side by side</h2><div id="table"></div></section>
<div class="bar"><div class="pick" id="policies"></div><label class="sub">Phase <select id="phase"></select></label><span class="sub" id="facts"></span></div>
<section><h2>Link load</h2><div class="sub" id="loadwhat"></div><div class="legend"><span>0 %</span><div class="scale" id="scale"></div><span>100 % of the time of the phase</span></div><div id="fabric"></div></section>
<section><h2>Timeline</h2><div class="sub"><span id="iterations"></span>, all that was simulated; the same scale for every policy. Click a bar of communication to see its load.</div><div id="keys" style="margin:6px 0"></div><div id="time"></div></section>
<section><h2>Link load over time</h2><div class="sub">Part of line rate, of all links of a tier in a direction: the area is their mean, the line the busiest (of large fabrics: group of neighbours). The same scale as the timeline.</div><div id="series"></div></section>
<section><h2>Flow rates</h2><div class="sub">How many flows have which rate at the beginning of the phase, as a part of what an empty network would give them.</div><div id="rates"></div></section>
<section><h2>Assumptions</h2><ul id="assumptions"></ul></section>
</main><div id="tip"></div>
<script type="application/json" id="data">)PAGE";

inline constexpr std::string_view page_tail = R"PAGE(</script>
<script>
'use strict';
const D = JSON.parse(document.getElementById('data').textContent), F = D.fabric, $ = id => document.getElementById(id);
const NS = 'http://www.w3.org/2000/svg', state = {policy: 0, phase: 0};
const stops = [[0,[214,219,230]],[.25,[120,170,225]],[.5,[64,176,140]],[.75,[240,190,70]],[1,[214,60,60]]];
function colour(x) { x = Math.min(1, Math.max(0, x)); let i = 1; while (i < stops.length-1 && x > stops[i][0]) i++;
  const [a,p] = stops[i-1], [b,q] = stops[i], t = (x-a)/(b-a); return `rgb(${p.map((v,k)=>Math.round(v+t*(q[k]-v))).join(',')})`; }
function el(name, attributes, parent, text) { const e = document.createElementNS(NS, name); for (const k in attributes) e.setAttribute(k, attributes[k]); if (text !== undefined) e.textContent = text; if (parent) parent.appendChild(e); return e; }
function seconds(t) { return t >= 1 ? t.toFixed(3)+' s' : t >= 1e-3 ? (1e3*t).toFixed(2)+' ms' : (1e6*t).toFixed(1)+' µs'; }
const pc = x => (100*x).toFixed(1)+' %';
function hover(e, text) { e.addEventListener('mousemove', m => { const t = $('tip'); t.textContent = text(); t.style.display = 'block'; t.style.left = Math.min(m.clientX+14, innerWidth-350)+'px'; t.style.top = (m.clientY+14)+'px'; }); e.addEventListener('mouseleave', () => $('tip').style.display = 'none'); }
const P = () => D.policies[state.policy], phase = () => P().phases[state.phase];
const kinds = {compute:'#8e9bb3', bubble:'#d3d8e2', tensor:'#2f9e8f', expert:'#b35fc4', pipeline:'#e0a030', data:'#2f5bea', collective:'#2f5bea', transfer:'#d65a5a', checkpoint:'#7b6ee0', wait:'transparent'};

function table() {
  const head = ['Job','Policy','Iteration','Gain','Exposed','Linear','MFU','Makespan eff.','Mean rate','Slowest'];
  let html = '<table><tr>'+head.map(h=>`<th>${h}</th>`).join('')+'</tr>';
  D.policies[0].jobs.forEach((job, j) => D.policies.forEach(p => { const f = p.jobs[j], base = D.policies[0].jobs[j].iteration, no = '–';
    const cell = document.createElement('td'); cell.textContent = job.name; const name = document.createElement('td'); name.textContent = p.policy;
    const rest = f.stuck ? ['stuck','','','','','','',''] : [seconds(f.iteration), (f.iteration && base !== null ? ((base/f.iteration-1)*100).toFixed(1)+' %' : no), seconds(f.exposed), f.compute ? pc(f.linear_speed_up) : no, f.mfu ? pc(f.mfu) : no, pc(f.makespan_efficiency), pc(f.mean_rate), pc(f.slowest_rate)];
    html += '<tr>'+cell.outerHTML+name.outerHTML+rest.map(x=>`<td>${x}</td>`).join('')+'</tr>'; }));
  $('table').innerHTML = html+'</table>';
}
function choose() {
  const box = $('policies'); box.textContent = '';
  D.policies.forEach((p, i) => { const b = document.createElement('button'); b.textContent = p.policy; b.className = i === state.policy ? 'on' : ''; b.onclick = () => { state.policy = i; state.phase = Math.min(state.phase, P().phases.length-1); draw(); }; box.appendChild(b); });
  const list = $('phase'); list.textContent = '';
  P().phases.slice(0, 400).forEach((p, i) => { const o = document.createElement('option'); o.value = i; const a = P().activities[p.activity];
    o.textContent = `${D.policies[0].jobs.length > 1 ? P().jobs[a.job].name+': ' : ''}${a.name}, phase ${p.phase+1} (${p.flows} flows × ${+p.repeats.toFixed(2)})`; list.appendChild(o); });
  list.value = state.phase; list.onchange = () => { state.phase = +list.value; draw(); };
  const p = phase(); $('facts').textContent = p ? `${seconds(p.transferred-p.begin)} · makespan efficiency ${pc(p.makespan_efficiency)} · mean rate ${pc(p.mean_rate)} · slowest ${pc(p.slowest_rate)}` : '';
}
function loads() { const p = phase(); return p && p.load_most ? [p.load_mean, p.load_most] : null; }
function fabric() {
  const box = $('fabric'); box.textContent = ''; const l = loads();
  if (!l) { box.textContent = 'The load of the first 64 phases is kept; choose one of them.'; return; }
  F.single && F.layers.length ? graph(box, l) : strips(box, l);
}
function graph(box, [, most]) {
  const W = 1140, rows = F.layers.map((_, i) => i).sort((a, b) => F.layers[a].level - F.layers[b].level), ends = F.layers.filter(x => x.level === 0).reduce((s, x) => s+x.names.length, 0);
  const shown = rows.filter(i => F.layers[i].names.length), gap = ends > 64 ? 190 : 150, at = {};
  const row = v => shown.findIndex(i => v >= F.layers[i].first && v < F.layers[i].first+F.layers[i].names.length), arcs = F.links.some(([a, b]) => row(a) === row(b)), H = gap*(shown.length-1)+(arcs ? 120 : 70);
  shown.forEach((i, r) => { const n = F.layers[i].names.length; F.layers[i].names.forEach((name, k) => at[F.layers[i].first+k] = [W*(k+.5)/n, H-35-gap*r, name]); });
  const svg = el('svg', {viewBox:`0 0 ${W} ${H}`}, box), width = F.links.length > 600 ? 1.3 : F.links.length > 200 ? 1.8 : 2.6;
  $('loadwhat').textContent = 'Every line is a link, two for each cable (up left, down right). Hover for its name and load, of the paths that flows have when the phase begins. Dashed: dies, degrades or returns during the simulation.';
  F.links.map((x, i) => [x, most[x[2]], i]).sort((a, b) => a[1]-b[1]).forEach(([[a, b, cell], load, i]) => {
    const [x1,y1,n1] = at[a], [x2,y2,n2] = at[b], off = i%2 ? 1.3 : -1.3;
    const d = y1 === y2 ? `M${x1},${y1} Q${(x1+x2)/2},${y1-Math.min(120, Math.abs(x1-x2)/2)*(i%2 ? 1 : .85)} ${x2},${y2}` : `M${x1+off},${y1} L${x2+off},${y2}`;
    hover(el('path', {d, fill:'none', stroke:colour(load), 'stroke-width':F.links[i][3].length ? 2*width : width, 'stroke-dasharray':F.links[i][3].length ? '7 4' : 'none', 'stroke-opacity':load > 0 ? .95 : .45}, svg), () => `${n1} → ${n2}\nbusy ${pc(load)} of the phase${F.links[i][3].map(([t, h]) => `\nfrom ${seconds(t)} on ${h > 0 ? 'at '+pc(h)+' of its rate' : 'dead'}`).join('')}`); });
  for (const v in at) { const [x, y, name] = at[v]; hover(el('circle', {cx:x, cy:y, r:y > H-50 ? (ends > 64 ? 2.6 : 5) : 8, fill:'var(--card)', stroke:'var(--ink)', 'stroke-width':1.2}, svg), () => name); }
  shown.forEach((i, r) => { if (F.layers[i].names.length*(Math.max(...F.layers[i].names.map(n => n.length))*5.2+8) < W) F.layers[i].names.forEach((name, k) => el('text', {x:W*(k+.5)/F.layers[i].names.length, y:H-35-gap*r+(r ? -13 : 20), 'text-anchor':'middle', style:'font-size:9px;paint-order:stroke;stroke:var(--card);stroke-width:3px'}, svg, name)); });
}
function strips(box, [mean, most]) {
  const W = 1140, left = 150, w = W-left, h = 22; let cell = 0; const H = F.rows.length*(h+16)+10, svg = el('svg', {viewBox:`0 0 ${W} ${H}`}, box);
  const order = F.rows.map((r, i) => ({r, i, first: (() => { const f = cell; cell += r.cells.length; return f; })()}));
  order.sort((a, b) => (b.r.up - a.r.up) || (a.r.up ? a.i-b.i : b.i-a.i));
  $('loadwhat').textContent = 'Each strip is a tier and a direction, each cell the links of neighbouring switches (or pods). Upper half: the busiest link of the cell; lower half: the mean. The way of a flow goes from the first strip to the last.';
  order.forEach(({r, first}, k) => { const y = 6+k*(h+16); el('text', {x:left-10, y:y+15, 'text-anchor':'end'}, svg, r.name);
    r.cells.forEach((name, i) => { const c = first+i, x = left+w*i/r.cells.length, g = el('g', {}, svg), cw = Math.max(.5, w/r.cells.length-.6);
      el('rect', {x, y, width:cw, height:h*.6, fill:colour(most[c])}, g); el('rect', {x, y:y+h*.6, width:cw, height:h*.4, fill:colour(mean[c])}, g);
      hover(g, () => `${r.name}: ${name || ''} (${F.links_in[c]} links)\nbusiest ${pc(most[c])}, mean ${pc(mean[c])} of the phase`); }); });
}
function timeline() {
  const box = $('time'); box.textContent = ''; const W = 1140, left = 130, end = 1.02*Math.max(...D.policies.map(p => p.makespan)) || 1, jobs = P().jobs, lanes = [];
  jobs.forEach((j, i) => { lanes.push([i, false, (jobs.length > 1 ? j.name+': ' : '')+'compute']); lanes.push([i, true, (jobs.length > 1 ? j.name+': ' : '')+'network']); });
  const used = new Set(), h = 26, H = lanes.length*(h+8)+34, svg = el('svg', {viewBox:`0 0 ${W} ${H}`}, box), x = t => left+(W-left-34)*t/end;
  const raw = end/6, power = 10**Math.floor(Math.log10(raw)), tick = power*[1,2,5,10].find(m => m*power >= raw);
  for (let t = 0; t <= end; t += tick) { el('line', {x1:x(t), x2:x(t), y1:4, y2:H-22, stroke:'var(--line)'}, svg); el('text', {x:x(t), y:H-8, 'text-anchor':'middle'}, svg, +(t/(end >= 1 ? 1 : end >= 1e-3 ? 1e-3 : 1e-6)).toPrecision(6)+(end >= 1 ? ' s' : end >= 1e-3 ? ' ms' : ' µs')); }
  lanes.forEach(([job, net, name], k) => { const y = 6+k*(h+8); el('text', {x:left-10, y:y+17, 'text-anchor':'end'}, svg, name.length > 20 ? name.slice(0, 19)+'…' : name);
    P().activities.forEach((a, i) => { const computes = ['compute','bubble','wait'].includes(a.kind); if (a.job !== job || computes === net || a.end <= a.begin || a.kind === 'wait') return; used.add(a.kind);
      const r = el('rect', {x:x(a.begin), y, width:Math.max(.8, x(a.end)-x(a.begin)-.6), height:h, rx:3, fill:kinds[a.kind] || '#777', opacity:phase() && phase().activity === i ? 1 : .8, stroke:phase() && phase().activity === i ? 'var(--ink)' : 'none'}, svg);
      hover(r, () => `${a.name}\n${seconds(a.begin)} to ${seconds(a.end)}: ${seconds(a.end-a.begin)}`);
      r.onclick = () => { const f = P().phases.findIndex(p => p.activity === i); if (f >= 0) { state.phase = f; draw(); } }; }); });
  $('keys').innerHTML = [...used].map(k => `<span class="key"><i style="background:${kinds[k] || '#777'}"></i>${k}</span>`).join('');
}
function series() {
  const box = $('series'); box.textContent = ''; const l = P().load; if (!l) return;
  const W = 1140, left = 130, h = 34, end = 1.02*Math.max(...D.policies.map(p => p.makespan)) || 1, H = l.rows.length*(h+14)+6, svg = el('svg', {viewBox:`0 0 ${W} ${H}`}, box), x = t => left+(W-left-34)*t/end;
  const order = l.rows.map((r, i) => [r, F.rows[i].up, i]).sort((a, b) => (b[1]-a[1]) || (a[1] ? a[2]-b[2] : b[2]-a[2]));
  order.forEach(([r], k) => { const y = 8+k*(h+14), at = v => y+h-h*Math.min(1, v), steps = values => values.map((v, i) => `${x(i*l.interval)},${at(v)} ${x(Math.min((i+1)*l.interval, P().makespan))},${at(v)}`).join(' ');
    el('text', {x:left-10, y:y+h/2+4, 'text-anchor':'end'}, svg, r.name); [0, 1].forEach(v => el('line', {x1:left, x2:x(end), y1:at(v), y2:at(v), stroke:'var(--line)'}, svg));
    if (!r.mean.length) return;
    el('polygon', {points:`${x(0)},${at(0)} ${steps(r.mean)} ${x(P().makespan)},${at(0)}`, fill:'var(--accent)', 'fill-opacity':.3}, svg); el('polyline', {points:steps(r.most), fill:'none', stroke:'var(--accent)', 'stroke-width':1.3}, svg);
    r.mean.forEach((v, i) => hover(el('rect', {x:x(i*l.interval), y, width:x(l.interval)-left, height:h, fill:'transparent'}, svg), () => `${r.name}, ${seconds(i*l.interval)} to ${seconds((i+1)*l.interval)}\nmean ${pc(v)}, busiest ${pc(r.most[i])}`)); });
}
function rates() {
  const box = $('rates'); box.textContent = ''; const W = 1140, n = D.policies.length, w = (W-20*(n-1))/n, H = 150, svg = el('svg', {viewBox:`0 0 ${W} ${H+34}`}, box);
  D.policies.forEach((p, i) => { const q = p.phases[state.phase], x0 = i*(w+20); if (!q || !q.rates.length) return; const top = Math.max(...q.rates, 1);
    q.rates.forEach((c, k) => hover(el('rect', {x:x0+w*k/20, y:H-(H-24)*c/top, width:w/20-1.5, height:Math.max((H-24)*c/top, c ? 1.5 : 0), fill:i === state.policy ? 'var(--accent)' : '#a8b3c7', rx:1.5}, svg), () => `${p.policy}: ${c} flows between ${5*k} and ${5*k+5} %`));
    el('line', {x1:x0, x2:x0+w, y1:H+.5, y2:H+.5, stroke:'var(--line)'}, svg); el('text', {x:x0, y:H+14}, svg, '0'); el('text', {x:x0+w, y:H+14, 'text-anchor':'end'}, svg, '100 %'); el('text', {x:x0+w/2, y:H+28, 'text-anchor':'middle'}, svg, `${p.policy}, mean ${pc(q.mean_rate)}`); });
}
function draw() { choose(); fabric(); timeline(); series(); rates(); }
$('iterations').textContent = D.policies[0].jobs.map(j => `${D.policies[0].jobs.length > 1 ? j.name+': ' : ''}${j.iterations} iteration${j.iterations === 1 ? '' : 's'}`).join(', '); $('what').textContent = `${D.topology} · ${D.endpoints} endpoints · ${D.job}`; $('scale').style.background = `linear-gradient(90deg, ${stops.map(([x]) => colour(x)+' '+100*x+'%').join(', ')})`;
(D.assumptions.length ? D.assumptions : ['none stated']).forEach(a => { const li = document.createElement('li'); li.textContent = a; $('assumptions').appendChild(li); });
{ const p = P().phases; state.phase = p.reduce((best, q, i) => i < 64 && q.transferred-q.begin > p[best].transferred-p[best].begin ? i : best, 0); }
table(); draw(); document.body.dataset.ready = 'yes';
</script></body></html>
)PAGE";

} // namespace chorus::tools
