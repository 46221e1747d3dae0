/** The windows as a self-contained SVG, readable on light and on dark paper. Pure: traces in, text out. */
import { type FreezeTrace, TRACED, type TracePoint } from './trace.ts';

const PANEL = { width: 400, height: 256, left: 46, right: 14, top: 60, bottom: 40 } as const;
const HEAD = 108;
const FOOT = 30;
const GAP = 8;

const STYLE = `
  :root { color-scheme: light dark; --paper:#ffffff; --ink:#1d2430; --soft:#5d6675; --grid:#e3e7ee; --skid:#fff3d6; --handler:#e9ecf2; --hatch:#c5ccd8;
    --c0:#1f5fd0; --c1:#b4490f; --c2:#0f7a55; }
  @media (prefers-color-scheme: dark) { :root { --paper:#12161d; --ink:#e7ebf2; --soft:#9aa5b5; --grid:#2a313c; --skid:#3a3016; --handler:#1e242e; --hatch:#38414f;
    --c0:#7aa8ff; --c1:#ff9a5c; --c2:#5fd0a2; } }
  text { font-family: ui-sans-serif, system-ui, 'Segoe UI', Roboto, sans-serif; fill: #1d2430; fill: var(--ink); font-size: 12px; }
  .title { font-size: 19px; font-weight: 650; } .sub { fill: #5d6675; fill: var(--soft); font-size: 13px; } .small { fill: #5d6675; fill: var(--soft); font-size: 10.5px; }
  .panel { font-size: 13.5px; font-weight: 600; } .axis { stroke: #5d6675; stroke: var(--soft); stroke-width: 1; } .grid { stroke: #e3e7ee; stroke: var(--grid); stroke-width: 1; }
  .line { fill: none; stroke-width: 2; stroke-linejoin: round; } .true { fill: none; stroke-width: 1.4; stroke-dasharray: 2 3; } .mark { stroke: #1d2430; stroke: var(--ink); stroke-width: 1; stroke-dasharray: 4 3; opacity: .65; }
  .k0 { stroke: #1f5fd0; stroke: var(--c0); } .k1 { stroke: #b4490f; stroke: var(--c1); } .k2 { stroke: #0f7a55; stroke: var(--c2); } .f0 { fill: #1f5fd0; fill: var(--c0); } .f1 { fill: #b4490f; fill: var(--c1); } .f2 { fill: #0f7a55; fill: var(--c2); } .gap { opacity: .22; }
  .paper { fill: #ffffff; fill: var(--paper); } .skid { fill: #fff3d6; fill: var(--skid); } .handler { fill: #e9ecf2; fill: var(--handler); } .hatch { stroke: #c5ccd8; stroke: var(--hatch); }`;

const escape = (s: string): string => s.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
const round = (n: number): string => String(Math.round(n * 100) / 100);

export interface FigureText {
  readonly model: string;
  readonly workload: string;
}

/** `rows`: one row of panels for each ring, one column for each handler. */
export function freezeFigure(rows: readonly (readonly FreezeTrace[])[], words: FigureText): string {
  const columns = Math.max(...rows.map((r) => r.length), 1);
  const width = columns * (PANEL.width + GAP) + GAP;
  const height = HEAD + rows.length * (PANEL.height + GAP) + FOOT;
  const out = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="t d">`,
    '<title id="t">From overflow to PMI: what the counters count</title>',
    `<desc id="d">${escape(description(rows))}</desc>`,
    `<style>${STYLE}</style>`,
    '<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="6" height="6" class="handler"/><line x1="0" y1="0" x2="0" y2="6" class="hatch" stroke-width="2"/></pattern></defs>',
    `<rect width="${width}" height="${height}" class="paper"/>`,
    `<text class="title" x="16" y="32">From overflow to PMI: what the counters count</text>`,
    `<text class="sub" x="16" y="53">${escape(words.model)}, ${escape(words.workload)}. Events since the overflow, over instructions retired.</text>`,
    ...legend(),
  ];
  for (const [r, row] of rows.entries()) {
    for (const [c, trace] of row.entries()) {
      out.push(`<g transform="translate(${GAP + c * (PANEL.width + GAP)} ${HEAD + r * (PANEL.height + GAP)})">`, ...panel(trace), '</g>');
    }
  }
  out.push(
    `<text class="small" x="16" y="${height - 12}">Modelled processor; perfglass lab freeze. Every event counts, except while the handler runs: the shaded gaps are events that no counter saw.</text>`,
    '</svg>',
  );
  return `${out.join('\n')}\n`;
}

function description(rows: readonly (readonly FreezeTrace[])[]): string {
  return rows
    .flat()
    .map((t) => `${t.handler}, overflow in ${t.ring} mode: ${TRACED.map((e, i) => `${e.name} lost ${lostAt(t, i)}`).join(', ')}.`)
    .join(' ');
}

/** True minus counted when the PMI is delivered: what the skid window lost. */
function lostAt(t: FreezeTrace, i: number): number {
  const p = t.points.findLast((q) => q.x <= t.delivery);
  return p === undefined ? 0 : (p.truth[i] ?? 0) - (p.counted[i] ?? 0);
}

function legend(): string[] {
  const out: string[] = [];
  let x = 16;
  for (const [i, e] of TRACED.entries()) {
    const text = `${e.name} (${e.role})`;
    out.push(`<line class="line k${i}" x1="${x}" y1="78" x2="${x + 22}" y2="78"/><text x="${x + 28}" y="82">${text}</text>`);
    x += 46 + text.length * 6.3;
  }
  out.push(`<line class="true k0" x1="${x}" y1="78" x2="${x + 22}" y2="78"/><text x="${x + 28}" y="82">retired</text>`);
  x += 92;
  out.push(`<rect x="${x}" y="71" width="16" height="14" class="skid"/><text x="${x + 22}" y="82">skid</text>`);
  x += 62;
  out.push(
    `<rect x="${x}" y="71" width="16" height="14" fill="url(#hatch)"/><text x="${x + 22}" y="82">NMI handler (perf’s own work)</text>`,
  );
  return out;
}

/** The handler is long and little happens: its part of the axis is compressed. */
function scaleX(t: FreezeTrace): (x: number) => number {
  const first = t.points[0]?.x ?? 0;
  const last = t.points.at(-1)?.x ?? 1;
  const inside = PANEL.width - PANEL.left - PANEL.right;
  const squeeze = Math.min(1, (1.2 * (t.delivery - first + (last - t.end))) / Math.max(t.end - t.delivery, 1));
  const position = (x: number): number => {
    if (x <= t.delivery) return x - first;
    if (x <= t.end) return t.delivery - first + (x - t.delivery) * squeeze;
    return t.delivery - first + (t.end - t.delivery) * squeeze + (x - t.end);
  };
  const whole = position(last);
  return (x) => PANEL.left + (position(x) / whole) * inside;
}

function panel(t: FreezeTrace): string[] {
  const x = scaleX(t);
  const values = t.points.flatMap((p) => [...p.counted, ...p.truth]);
  const [low, high] = [Math.min(...values, 0), Math.max(...values, 1)];
  const bottom = PANEL.height - PANEL.bottom;
  const y = (v: number): number => bottom - ((v - low) / (high - low)) * (bottom - PANEL.top);
  const box = (from: number, to: number, paint: string): string =>
    `<rect x="${round(x(from))}" y="${PANEL.top}" width="${round(Math.max(x(to) - x(from), 0))}" height="${bottom - PANEL.top}" ${paint}/>`;
  const out = [
    `<text class="panel" x="${PANEL.left}" y="18">${t.handler}, ${t.ring} mode</text>`,
    `<text class="small" x="${PANEL.left}" y="32">skid ${t.skid}: ${lossText(t)}</text>`,
    `<text class="small" x="${PANEL.left}" y="45">${residueText(t)}</text>`,
    box(0, t.delivery, 'class="skid"'),
    box(t.delivery, t.end, 'fill="url(#hatch)"'),
  ];
  for (const v of ticks(low, high)) {
    out.push(
      `<line class="grid" x1="${PANEL.left}" x2="${PANEL.width - PANEL.right}" y1="${round(y(v))}" y2="${round(y(v))}"/>`,
      `<text class="small" text-anchor="end" x="${PANEL.left - 6}" y="${round(y(v) + 3.5)}">${v}</text>`,
    );
  }
  for (const [i] of TRACED.entries()) {
    const counted = path(t.points, (p) => p.counted[i] ?? 0, x, y);
    const truth = path(t.points, (p) => p.truth[i] ?? 0, x, y);
    if (lostAt(t, i) > 0) {
      const skid = t.points.filter((p) => p.x >= 0 && p.x <= t.delivery);
      const there = path(skid, (p) => p.truth[i] ?? 0, x, y);
      const back = path(skid.reverse(), (p) => p.counted[i] ?? 0, x, y);
      out.push(`<path class="gap f${i}" d="M${there}L${back}Z"/>`);
    }
    out.push(`<path class="true k${i}" d="M${truth}"/>`, `<path class="line k${i}" d="M${counted}"/>`);
  }
  out.push(`<line class="axis" x1="${PANEL.left}" x2="${PANEL.width - PANEL.right}" y1="${bottom}" y2="${bottom}"/>`);
  out.push(...marks(t, x, bottom));
  return out;
}

/** What the counters saw of the handler (A23): counted more than retired, since the PMI. */
function residueText(t: FreezeTrace): string {
  const from = t.points.findLast((q) => q.x <= t.delivery);
  const to = t.points.findLast((q) => q.x <= t.end);
  if (from === undefined || to === undefined) return '';
  const seen = TRACED.map((e, i) => ({
    name: e.name,
    n: (to.counted[i] ?? 0) - (from.counted[i] ?? 0) - ((to.truth[i] ?? 0) - (from.truth[i] ?? 0)),
  }));
  const text = seen.filter((e) => e.n > 0).map((e) => `${e.n} ${e.name}`);
  return text.length === 0 ? 'nothing of the handler is counted' : `of the handler ${text.join(', ')} are counted`;
}

function lossText(t: FreezeTrace): string {
  const lost = TRACED.map((e, i) => ({ name: e.name, n: lostAt(t, i) })).filter((l) => l.n > 0);
  return lost.length === 0 ? 'nothing is lost' : `lost ${lost.map((l) => `${l.n} ${l.name}`).join(', ')}`;
}

function path(points: readonly TracePoint[], value: (p: TracePoint) => number, x: (x: number) => number, y: (v: number) => number): string {
  return points.map((p) => `${round(x(p.x))} ${round(y(value(p)))}`).join('L');
}

/** At most five round numbers. */
function ticks(low: number, high: number): number[] {
  const step = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000].find((s) => (high - low) / s <= 5) ?? 50_000;
  const out: number[] = [];
  for (let v = Math.ceil(low / step) * step; v <= high; v += step) out.push(v);
  return out;
}

function marks(t: FreezeTrace, x: (x: number) => number, bottom: number): string[] {
  const rows = [
    { x: 0, text: 'overflow' },
    { x: t.delivery, text: 'PMI' },
    { x: t.end, text: 'IRET' },
  ];
  const out: string[] = [];
  for (const m of rows) {
    const at = round(x(m.x));
    out.push(`<line class="mark" x1="${at}" x2="${at}" y1="${PANEL.top - 4}" y2="${bottom + 4}"/>`);
    out.push(`<text class="small" text-anchor="middle" x="${at}" y="${bottom + 16}">${m.text}</text>`);
  }
  // Inside the handler the first stop and the last start matter.
  const stop = t.marks.find((m) => m.text === 'GLOBAL_CTRL = 0');
  const go = t.marks.findLast((m) => m.text !== 'GLOBAL_CTRL = 0' && (m.text === 'GLOBAL_CTRL back' || stop === undefined));
  for (const m of [stop, go]) {
    if (m === undefined) continue;
    const at = round(x(m.x));
    out.push(`<line class="mark" x1="${at}" x2="${at}" y1="${PANEL.top}" y2="${bottom}" opacity=".35"/>`);
    out.push(
      `<text class="small" text-anchor="${stop === undefined ? 'middle' : m === stop ? 'end' : 'start'}" x="${Number(at) + (stop === undefined ? 0 : m === stop ? -3 : 3)}" y="${bottom + 29}">${m.text}</text>`,
    );
  }
  return out;
}
