'use strict';
const D = JSON.parse(document.getElementById('data').textContent), E = D.environment, $ = id => document.getElementById(id);

// How each series looks, and whether it is drawn at first.
const LOOK = {
  direct:           {name: 'Chorus, direct', short: 'direct', colour: '#2563eb', width: 2.8, on: true},
  private:          {name: 'Chorus, private buffers', short: 'private', colour: '#0ea5a0', width: 2.8, on: true},
  threads:          {name: 'Chorus, threads', short: 'threads', colour: '#7c5cf0', width: 2.2, on: true},
  hosts:            {name: 'Chorus, shared memory in an MPI job', short: 'in an MPI job', colour: '#4aa8e0', width: 1.8, on: false},
  mpi:              {name: 'Chorus over Open MPI', short: 'over MPI', colour: '#6b8fb5', width: 1.8, on: false},
  openmpi:          {name: 'Open MPI', short: 'Open MPI', colour: '#e0772b', width: 2.2, on: true},
  mpich:            {name: 'MPICH', short: 'MPICH', colour: '#c8397d', width: 2.2, on: true},
  gloo:             {name: 'Gloo', short: 'Gloo', colour: '#a8862c', width: 2.2, on: true},
  'openmpi-sm':     {name: 'Open MPI tuned by hand (coll/sm)', short: 'Open MPI, coll/sm', colour: '#e0772b', width: 1.6, dash: '5 3', on: true},
  'openmpi-window': {name: 'by hand on shared windows, Open MPI', short: 'by hand, Open MPI', colour: '#b4643c', width: 1.4, dash: '2 3', on: false},
  'mpich-window':   {name: 'by hand on shared windows, MPICH', short: 'by hand, MPICH', colour: '#c8397d', width: 1.4, dash: '2 3', on: false},
  bound:            {name: 'bound', short: 'bound', colour: 'currentColor', width: 1.6, dash: '7 4', on: true},
};
const state = {on: new Set(Object.keys(LOOK).filter(s => LOOK[s].on))};
const unique = values => [...new Set(values)];
const size = n => n >= 2**30 ? +(n/2**30).toPrecision(4)+' GiB' : n >= 2**20 ? +(n/2**20).toPrecision(4)+' MiB' : n >= 1024 ? +(n/1024).toPrecision(4)+' KiB' : n+' B';
const short = n => size(n).replace('iB', '').replace(' B', '').replace(' ', '');
const time = us => us == null ? '–' : us >= 1e6 ? (us/1e6).toPrecision(3)+' s' : us >= 1e3 ? (us/1e3).toPrecision(3)+' ms' : us.toPrecision(3)+' µs';
const decade = us => us >= 1e6 ? us/1e6+' s' : us >= 1e3 ? us/1e3+' ms' : us+' µs';
const plain = us => us == null ? '–' : us < 10 ? us.toFixed(2) : us < 100 ? us.toFixed(1) : Math.round(us).toLocaleString('en');
const el = (name, more = {}, ...children) => { const e = document.createElement(name); for (const [k, v] of Object.entries(more)) k in e ? e[k] = v : e.setAttribute(k, v); e.append(...children); return e; };

/// The rows that are chosen: per size what every series took.
function chosen() {
  const bySize = new Map();
  for (const r of D.results) {
    if (r.collective !== state.collective || r.ranks !== state.ranks) continue;
    if (!bySize.has(r.bytes)) bySize.set(r.bytes, {bytes: r.bytes, row: r, times: {bound: r.bound_us}, ratios: {}, spread: {}, wrong: new Set()});
    const at = bySize.get(r.bytes);
    Object.assign(at.times, r.peers, {[r.chorus_path]: r.chorus_us});
    Object.assign(at.spread, r.spread_us);
    at.ratios[r.chorus_path] = r.ratio;
    r.wrong.forEach(w => at.wrong.add(w));
  }
  return [...bySize.values()].sort((a, b) => a.bytes - b.bytes);
}
const present = rows => Object.keys(LOOK).filter(s => rows.some(r => r.times[s] != null));
const isChorus = s => D.kinds[s] === 'chorus';

function pick(box, values, key, name) {
  box.replaceChildren(...values.map(v => el('button', {type: 'button', textContent: name(v), 'aria-pressed': String(state[key] === v), onclick: () => { state[key] = v; draw(); }})));
  box.hidden = values.length < 2;
}
function chips(series) {
  $('chips').replaceChildren(...series.map(s => {
    const mark = el('i', {className: LOOK[s].dash ? 'dash' : ''});
    mark.style.borderColor = LOOK[s].colour;
    return el('button', {type: 'button', 'aria-pressed': String(state.on.has(s)), onclick: () => { state.on.has(s) ? state.on.delete(s) : state.on.add(s); draw(); }}, mark, LOOK[s].name);
  }));
}
function chart(rows, series, points, {height, y, marks, title}) {
  const at = Object.fromEntries(series.map(s => [s, points.filter(p => p.series === s)]));
  return Plot.plot({
    width: Math.max(320, $('times').clientWidth), height, marginLeft: 56, marginTop: 30, marginRight: 20, marginBottom: 38, style: {fontSize: '12px', background: 'transparent', color: 'var(--ink)', fontFamily: 'inherit'},
    x: {type: 'log', base: 2, label: 'bytes', ticks: rows.map(r => r.bytes), tickFormat: short, tickSize: 4, inset: 12, labelOffset: 34},
    y: {type: 'log', grid: true, inset: 8, tickSize: 0, ...y},
    marks: [
      ...marks,
      ...series.flatMap(s => [
        Plot.line(at[s], {x: 'bytes', y: 'value', stroke: LOOK[s].colour, strokeWidth: LOOK[s].width, strokeDasharray: LOOK[s].dash, strokeOpacity: s === 'bound' ? .55 : 1, className: 'series'}),
        s === 'bound' ? null : Plot.dot(at[s], {x: 'bytes', y: 'value', fill: LOOK[s].colour, r: LOOK[s].width + .6}),
      ]),
      Plot.ruleX(rows, Plot.pointerX({x: 'bytes', maxRadius: Infinity, stroke: 'currentColor', strokeOpacity: .25})),
      Plot.tip(rows, Plot.pointerX({x: 'bytes', maxRadius: Infinity, frameAnchor: 'top', anchor: 'top-left', title, lineWidth: 60, fill: 'var(--card)', stroke: 'var(--line)', lineHeight: 1.25, fontSize: 12})),
    ],
  });
}
function times(rows, series) {
  const shown = series.filter(s => state.on.has(s)), points = [];
  for (const r of rows) for (const s of shown) if (r.times[s] != null) points.push({bytes: r.bytes, series: s, value: r.times[s]});
  const listed = r => [size(r.bytes)+', '+r.row.placement, ...shown.filter(s => r.times[s] != null).sort((a, b) => r.times[a] - r.times[b])
    .map(s => `${time(r.times[s])}  ${LOOK[s].name}` + (r.spread[s] ? `  (${time(r.spread[s][0])} to ${time(r.spread[s][1])})` : ''))].join('\n');
  $('times').replaceChildren(chart(rows, shown, points, {height: 470, title: listed, marks: [], y: {label: 'µs', tickFormat: v => Math.log10(v) % 1 ? '' : decade(v)}}));
}
function ratios(rows, series) {
  const shown = series.filter(s => isChorus(s) && state.on.has(s)), points = [];
  for (const r of rows) for (const s of shown) if (r.ratios[s] != null) points.push({bytes: r.bytes, series: s, value: r.ratios[s]});
  if (!points.length) return $('ratios').replaceChildren('Nothing to compare is drawn.');
  const listed = r => [`${size(r.bytes)}: best library ${LOOK[r.row.best_peer]?.name ?? 'none'}`, ...shown.filter(s => r.ratios[s] != null).map(s => `${r.ratios[s].toFixed(2)} ×  ${LOOK[s].name}`)].join('\n');
  const most = Math.max(2, ...points.map(p => p.value)), least = Math.min(.8, ...points.map(p => p.value)), ticks = [.125, .25, .5, 1, 2, 4, 8, 16, 32, 64].filter(t => t >= least * .7 && t <= most * 1.4);
  $('ratios').replaceChildren(chart(rows, shown, points, {height: 270, title: listed, y: {label: 'times as fast', base: 2, ticks, tickFormat: v => v+' ×', domain: [least, most]},
    marks: [Plot.ruleY([1], {stroke: 'currentColor', strokeWidth: 1.2, strokeOpacity: .6})]}));
}
function table(rows, series) {
  const head = el('tr', {}, el('th', {textContent: 'bytes'}), ...series.map((s, i) => el('th', {textContent: LOOK[s].short, title: LOOK[s].name, className: i && isChorus(s) !== isChorus(series[i-1]) ? 'first' : ''})), el('th', {textContent: 'placement', className: 'first'}));
  head.querySelectorAll('th').forEach(th => { th.style.whiteSpace = 'normal'; });
  const body = rows.map(r => {
    const fastest = Math.min(...series.filter(s => s !== 'bound' && r.times[s] != null).map(s => r.times[s]));
    return el('tr', {}, el('td', {textContent: size(r.bytes)}), ...series.map((s, i) => {
      const cell = el('td', {textContent: plain(r.times[s]), className: (r.times[s] === fastest && s !== 'bound' ? 'best ' : '') + (i && isChorus(s) !== isChorus(series[i-1]) ? 'first' : '')});
      if (r.wrong.has(s)) cell.append(el('span', {className: 'wrong', textContent: ' wrong'}));
      if (r.ratios[s] != null) cell.append(el('span', {className: 'ratio' + (r.ratios[s] < .95 ? ' under' : ''), textContent: r.ratios[s].toFixed(2)+' ×'}));
      return cell;
    }), el('td', {className: 'first', textContent: r.row.placement, title: `flag round trip ${Math.round(r.row.flag_ns)} ns; ${r.row.rounds} of ${r.row.rounds_measured} rounds`}));
  });
  $('table').replaceChildren(el('table', {}, el('thead', {}, head), el('tbody', {}, ...body)));
}
function environment() {
  const load = `${E.load_before[0]} before, ${E.load_after[0]} after`;
  $('where').textContent = `${E.cpu}, ${E.processors} processors${E.virtual ? ' of a virtual machine' : ''} · ${E.system} · ${E.date.slice(0, 10)} · load ${load}`;
  const facts = {
    'Protocol': E.protocol,
    'Placement': 'named by the round trip of a flag between two cores, probed beside every sample: near below 230 ns, else far. A line is made of the rounds of the placement that most rounds had.',
    'Bound': 'the fastest of bare loops in memory that all ranks see: flags, the least memory traffic, flags; no messages, errors or choice.',
    'Best library': 'of Open MPI, MPICH and Gloo as they are installed; what is tuned or written by hand is drawn beside them.',
    'Versions': unique(Object.values(E.versions)).join(' · '),
    'Left out': Object.entries(E.missing).map(([name, why]) => `${name} (${why})`).join(', ') || 'nothing',
    'Machine': [E.cpu, ...Object.entries(E.caches).map(([name, kib]) => `${name} ${kib}`), `${E.memory_GiB} GiB`, `kernel ${E.kernel}`].join(', '),
    'Compiler': E.compiler,
    'Load': load,
    'Command': `${E.command} (${E.seconds} s, ${E.date})`,
  };
  $('environment').replaceChildren(...Object.entries(facts).flatMap(([k, v]) => [el('dt', {textContent: k}), el('dd', {textContent: v})]));
}
function draw() {
  const collectives = unique(D.results.map(r => r.collective));
  state.collective ??= collectives[0];
  const ranks = unique(D.results.filter(r => r.collective === state.collective).map(r => r.ranks)).sort((a, b) => a - b);
  if (!ranks.includes(state.ranks)) state.ranks = ranks[0];
  const rows = chosen(), series = present(rows), placements = unique(rows.map(r => r.row.placement));
  pick($('collectives'), collectives, 'collective', c => c);
  pick($('ranks'), ranks, 'ranks', p => `${p} ranks`);
  $('headline').textContent = `${state.collective}, ${state.ranks} ranks`;
  const best = Object.entries(Object.assign({}, ...rows.map(r => r.ratios))).map(([path]) => [path, rows.filter(r => r.ratios[path] != null).map(r => r.ratios[path])]).filter(([path]) => path === 'private' || path === 'direct');
  $('facts').textContent = [state.ranks > E.processors ? `more ranks than the ${E.processors} processors` : `cores ${placements.join(' and ')}`,
    ...best.map(([path, all]) => `${path}: ${Math.min(...all).toFixed(2)} to ${Math.max(...all).toFixed(1)} times as fast as the best library`)].join(' · ');
  chips(series);
  times(rows, series);
  ratios(rows, series);
  table(rows, series);
}
environment();
draw();
let drawnAt = innerWidth;
addEventListener('resize', () => { if (innerWidth !== drawnAt) { drawnAt = innerWidth; draw(); } });
document.body.dataset.ready = 'yes';
