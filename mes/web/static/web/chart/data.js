/* The control chart's JSON and its normal form.
 *
 * {
 *   "title": "Areal loading", "unit": "mg/cm2", "decimals": 2, "state": "learning" | "frozen",
 *   "location_label": "Mean", "dispersion_label": "Range", "dispersion_unit": unit when absent,
 *   "x_label": "Subgroup",                         // "Roll position, m" with points.x in metres
 *   "lsl": 25.5 | null, "usl": 28.1 | null, "target": 26.8 | null,
 *   "rare": true | absent,                         // points at events only, joined over the readings between
 *   "first_number": 1,                             // number of the first point sent, when earlier ones are left out
 *   "points": {                                    // columns of equal length n; a limit may be one number or null
 *     "id": [..], "t": [epoch seconds], "v": [..], "d": [..|null] | null, "x": [..] | absent (numbered),
 *     "n": [subgroup sizes] | absent, "lot": [codes] | absent,
 *     "cl": [..], "lcl": [..], "ucl": [..], "dcl": [..], "dlcl": [..], "ducl": [..],
 *     "w", "wcl", "wlcl", "wucl": a third panel, named by "within_label" | absent
 *     "excluded": [indices] | absent               // shown hollow, never joined, no limits judged
 *   },
 *                                                  // a limit clipped at its natural bound is null: it cannot be violated
 *   "signals": [{"i": index, "rule": "BEYOND_LIMITS", "label": "Beyond limits", "panel": "location"|"dispersion"|"within",
 *                "members": [indices], "reaction": "alert"|"hold"|"contain", "provisional": bool, "url": "…"}],
 *   "phase_breaks": [{"i": index of the first point of the phase, "label": "Limits revision 2"}],
 *   "point_url": "/charts/7/points/{id}/" | null,  // the point's page or detail fragment
 *   "table_url": "/charts/7/table/" | null,        // the same data as a table
 *   "time_zone": "Europe/Berlin"                   // the site's; times are shown in it
 * }
 * Several signals may share a point. Missing optional keys mean "none". Indices are 0-based within the columns.
 */

const COLUMNS = [
  { name: "location", values: "v", limits: ["cl", "lcl", "ucl"] },
  { name: "dispersion", values: "d", limits: ["dcl", "dlcl", "ducl"] },
  { name: "within", values: "w", limits: ["wcl", "wlcl", "wucl"] },
];

/** A limit column as a function of the index: one number, a column, or nothing. */
function limitAt(column) {
  if (Array.isArray(column)) return (i) => column[i] ?? null;
  return () => column ?? null;
}

/** Runs of equal limits: [{from, to, cl, lcl, ucl}], so that constant limits draw as one line. */
function limitRuns(count, cl, lcl, ucl, breaks) {
  const runs = [];
  for (let i = 0; i < count; i += 1) {
    const [c, l, u] = [cl(i), lcl(i), ucl(i)];
    const last = runs[runs.length - 1];
    if (last && last.cl === c && last.lcl === l && last.ucl === u && !breaks.has(i)) last.to = i;
    else runs.push({ from: i, to: i, cl: c, lcl: l, ucl: u });
  }
  return runs;
}

function panelOf(name, values, limits, signals, count, breaks, excluded) {
  const [cl, lcl, ucl] = limits.map(limitAt);
  const mine = signals.filter((signal) => signal.panel === name);
  const byPoint = new Map();
  const members = new Set();
  for (const signal of mine) {
    if (!byPoint.has(signal.i)) byPoint.set(signal.i, []);
    byPoint.get(signal.i).push(signal);
    for (const member of signal.members) if (member !== signal.i) members.add(member);
  }
  return {
    name,
    values: excluded.size ? values.map((value, i) => (excluded.has(i) ? null : value)) : values,
    raw: values,
    runs: limitRuns(count, cl, lcl, ucl, breaks),
    limitsAt: (i) => ({ cl: cl(i), lcl: lcl(i), ucl: ucl(i) }),
    signalled: [...byPoint.keys()].sort((a, b) => a - b),
    byPoint,
    members: [...members].sort((a, b) => a - b),
  };
}

/** Check and index a chart's JSON. Throws when columns disagree in length: a chart must not guess. */
export function readChart(json) {
  const points = json.points;
  const count = points.v.length;
  for (const [name, column] of Object.entries(points)) {
    if (Array.isArray(column) && name !== "excluded" && column.length !== count) {
      throw new Error(`column ${name} has ${column.length} entries, expected ${count}`);
    }
  }
  const signals = (json.signals ?? []).map((signal) => ({ members: [], panel: COLUMNS[0].name, ...signal }));
  const phaseBreaks = json.phase_breaks ?? [];
  const breaks = new Set(phaseBreaks.map((phase) => phase.i));
  const excluded = new Set(points.excluded ?? []);
  const firstNumber = json.first_number ?? 1;
  const panels = COLUMNS.filter(({ values }) => values === "v" || (Array.isArray(points[values]) && points[values].some((value) => value !== null)))
    .map(({ name, values, limits }) => panelOf(name, points[values], limits.map((each) => points[each]), signals, count, breaks, excluded));
  return {
    ...json,
    count,
    firstNumber,
    x: points.x ?? Array.from({ length: count }, (_, i) => firstNumber + i),
    sequential: !points.x,
    points,
    panels,
    signals,
    phaseBreaks,
    excluded,
    decimals: json.decimals ?? 3,
    learning: json.state === "learning",
    signalled: [...new Set(signals.map((signal) => signal.i))].sort((a, b) => a - b),
  };
}

/** First position in an ascending list whose entry is at least `wanted`. */
export function lowerBound(sorted, wanted) {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Smallest and largest of values, limits and, when wanted, specification between two indices, with a margin. */
export function rangeBetween(panel, from, to, extras) {
  let low = Infinity;
  let high = -Infinity;
  const take = (value) => {
    if (value === null || value === undefined) return;
    if (value < low) low = value;
    if (value > high) high = value;
  };
  for (let i = from; i <= to; i += 1) take(panel.raw[i]);
  for (const run of panel.runs) {
    if (run.to < from || run.from > to) continue;
    take(run.lcl);
    take(run.ucl);
    take(run.cl);
  }
  extras.forEach(take);
  if (low === Infinity) return [0, 1];
  const margin = (high - low || Math.abs(high) || 1) * 0.12;
  return [low - margin, high + margin];
}

const NAMES = { location: "Value", dispersion: "Dispersion", within: "Within" };

/** What a panel plots, in words. */
export function panelLabel(chart, name) {
  return chart[`${name}_label`] ?? NAMES[name];
}
