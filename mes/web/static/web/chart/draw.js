/* What uPlot does not draw: limits, phases, signals, labels. Every function takes the uPlot instance and draws on
   its canvas in device pixels. Signals differ by shape and words, never by colour alone. */

import { lowerBound } from "./data.js";

export const INK = {
  line: "#33526b", point: "#33526b", center: "#1f6f43", control: "#9c4a00", provisional: "#6c47a0", spec: "#16202a",
  signal: "#b3261e", member: "#e08a00", excluded: "#6b7784", phase: "#566372", grid: "#e4e9ed", text: "#465361", cursor: "#0b5d74",
};

const MARKS_WITH_WORDS = 12; // with more signals in view, rings and words would hide the data

const FONT = '"Segoe UI", system-ui, Roboto, "Noto Sans", "Liberation Sans", sans-serif';
const scaled = (px) => px * devicePixelRatio;
const font = (px, weight = 500) => `${weight} ${scaled(px)}px ${FONT}`;

function inPlot(u, draw) {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  draw(ctx, bbox);
  ctx.restore();
}

const xOf = (u, x) => u.valToPos(x, "x", true);
const yOf = (u, y) => u.valToPos(y, "y", true);

/** Indices of the visible points, one beyond either side. */
export function visible(u, chart) {
  const from = Math.max(0, lowerBound(chart.x, u.scales.x.min) - 1);
  const to = Math.min(chart.count - 1, lowerBound(chart.x, u.scales.x.max) + 1);
  return [from, to];
}

/** Where a run of limits begins and ends: half way to its neighbours. */
function edges(u, chart, run) {
  const half = (a, b) => (chart.x[a] + chart.x[b]) / 2;
  const from = run.from > 0 ? half(run.from - 1, run.from) : u.scales.x.min;
  const to = run.to < chart.count - 1 ? half(run.to, run.to + 1) : u.scales.x.max;
  return [xOf(u, from), xOf(u, to)];
}

export function drawLimits(u, chart, panel) {
  const [from, to] = visible(u, chart);
  const runs = panel.runs.filter((run) => run.to >= from && run.from <= to);
  inPlot(u, (ctx) => {
    ctx.fillStyle = chart.learning ? "rgb(108 71 160 / 7%)" : "rgb(31 111 67 / 6%)";
    for (const run of runs) {
      if (run.ucl === null && run.lcl === null) continue;
      const [left, right] = edges(u, chart, run);
      const top = yOf(u, run.ucl ?? u.scales.y.max);
      const bottom = yOf(u, run.lcl ?? u.scales.y.min);
      ctx.fillRect(left, top, right - left, bottom - top);
    }
    const strokeRuns = (key, color, width, dash) => {
      ctx.strokeStyle = color;
      ctx.lineWidth = scaled(width);
      ctx.setLineDash(dash.map(scaled));
      ctx.beginPath();
      let joined = null;
      for (const run of runs) {
        if (run[key] === null) { joined = null; continue; }
        const [left, right] = edges(u, chart, run);
        const y = yOf(u, run[key]);
        if (joined !== null && Math.abs(joined - left) < 1) ctx.lineTo(left, y);
        else ctx.moveTo(left, y);
        ctx.lineTo(right, y);
        joined = right;
      }
      ctx.stroke();
    };
    strokeRuns("cl", INK.center, 1.5, []);
    const [color, dash] = chart.learning ? [INK.provisional, [2, 4]] : [INK.control, []];
    strokeRuns("ucl", color, chart.learning ? 2 : 1.75, dash);
    strokeRuns("lcl", color, chart.learning ? 2 : 1.75, dash);
  });
}

export function drawSpecification(u, chart) {
  inPlot(u, (ctx, bbox) => {
    for (const [value, dash, width] of [[chart.lsl, [12, 6], 2], [chart.usl, [12, 6], 2], [chart.target, [2, 6], 1.5]]) {
      if (value === null || value === undefined) continue;
      ctx.strokeStyle = INK.spec;
      ctx.lineWidth = scaled(width);
      ctx.setLineDash(dash.map(scaled));
      ctx.beginPath();
      ctx.moveTo(bbox.left, yOf(u, value));
      ctx.lineTo(bbox.left + bbox.width, yOf(u, value));
      ctx.stroke();
    }
  });
}

export function drawPhases(u, chart, withLabels) {
  inPlot(u, (ctx, bbox) => {
    ctx.strokeStyle = INK.phase;
    ctx.fillStyle = INK.phase;
    ctx.lineWidth = scaled(1.5);
    ctx.setLineDash([scaled(5), scaled(4)]);
    ctx.font = font(12, 600);
    ctx.textBaseline = "bottom";
    ctx.textAlign = "left";
    const shown = chart.phaseBreaks.filter((phase) => phase.i > 0 && phase.i < chart.count);
    const places = shown.map((phase) => xOf(u, (chart.x[phase.i - 1] + chart.x[phase.i]) / 2));
    for (const [k, phase] of shown.entries()) {
      const x = places[k];
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      // Of two changes too close for both names, the later one's is written: its limits are in force.
      if (!withLabels || !phase.label) continue;
      const [width, y] = [ctx.measureText(phase.label).width, bbox.top + bbox.height - scaled(4)];
      if (width <= (places[k + 1] ?? bbox.left + bbox.width) - x - scaled(8)) ctx.fillText(phase.label, x + scaled(5), y);
      else if (k === shown.length - 1 && 2 * width + scaled(20) <= x - (places[k - 1] ?? bbox.left)) {
        ctx.fillText(phase.label, x - scaled(5) - width, y); // at the right edge, beside the name before it
      }
    }
  });
}

const within = (sorted, from, to) => sorted.slice(lowerBound(sorted, from), lowerBound(sorted, to + 1));

function diamond(ctx, x, y, size) {
  ctx.beginPath();
  ctx.moveTo(x, y - size);
  ctx.lineTo(x + size, y);
  ctx.lineTo(x, y + size);
  ctx.lineTo(x - size, y);
  ctx.closePath();
}

const overlap = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

/** Members of patterns, excluded points, signals with ring and rule name. A name that would cross another name or
 *  another signal's ring is left out. */
export function drawMarks(u, chart, panel) {
  const [from, to] = visible(u, chart);
  inPlot(u, (ctx, bbox) => {
    ctx.setLineDash([]);
    ctx.fillStyle = INK.member;
    ctx.strokeStyle = "#fff";
    ctx.lineWidth = scaled(1);
    for (const i of within(panel.members, from, to)) {
      if (panel.raw[i] === null) continue;
      const [x, y] = [xOf(u, chart.x[i]), yOf(u, panel.raw[i])];
      const size = scaled(4.5);
      ctx.fillRect(x - size, y - size, 2 * size, 2 * size);
      ctx.strokeRect(x - size, y - size, 2 * size, 2 * size);
    }
    ctx.strokeStyle = INK.excluded;
    ctx.lineWidth = scaled(2);
    for (const i of chart.excluded) {
      if (i < from || i > to || panel.raw[i] === null) continue;
      const [x, y, size] = [xOf(u, chart.x[i]), yOf(u, panel.raw[i]), scaled(5)];
      ctx.beginPath();
      ctx.moveTo(x - size, y - size);
      ctx.lineTo(x + size, y + size);
      ctx.moveTo(x + size, y - size);
      ctx.lineTo(x - size, y + size);
      ctx.stroke();
    }
    ctx.font = font(13, 650);
    ctx.textAlign = "center";
    const shown = within(panel.signalled, from, to).filter((i) => panel.raw[i] !== null);
    const crowded = shown.length > MARKS_WITH_WORDS;
    const taken = shown.map((i) => {
      const [x, y, reach] = [xOf(u, chart.x[i]), yOf(u, panel.raw[i]), scaled(13)];
      return { of: i, left: x - reach, right: x + reach, top: y - reach, bottom: y + reach };
    });
    for (const i of shown) {
      const signals = panel.byPoint.get(i);
      const provisional = signals.every((signal) => signal.provisional);
      const color = provisional ? INK.provisional : INK.signal;
      const [x, y] = [xOf(u, chart.x[i]), yOf(u, panel.raw[i])];
      diamond(ctx, x, y, scaled(crowded ? 4.5 : 6.5));
      ctx.fillStyle = provisional ? "#fff" : color;
      ctx.fill();
      ctx.strokeStyle = color;
      ctx.lineWidth = scaled(2);
      ctx.stroke();
      if (crowded) continue;
      ctx.beginPath();
      ctx.arc(x, y, scaled(12), 0, 2 * Math.PI);
      ctx.stroke();
      const names = signals.map((signal) => signal.label ?? signal.rule);
      const ending = provisional ? " (provisional)" : "";
      let words = names.join(", ") + ending;
      if (ctx.measureText(words).width > bbox.width - scaled(8)) words = `${names[0]}${names.length > 1 ? ` and ${names.length - 1} more` : ""}${ending}`;
      const width = ctx.measureText(words).width;
      const center = Math.min(Math.max(x, bbox.left + width / 2 + scaled(4)), bbox.left + bbox.width - width / 2 - scaled(4));
      const height = scaled(15);
      const spots = [y - scaled(15) - height, y + scaled(15)].filter((top) => top > bbox.top && top + height < bbox.top + bbox.height);
      const box = (top) => ({ left: center - width / 2 - scaled(4), right: center + width / 2 + scaled(4), top, bottom: top + height });
      const free = spots.map(box).find((spot) => !taken.some((other) => other.of !== i && overlap(spot, other)));
      if (!free) continue;
      taken.push(free);
      ctx.textBaseline = "top";
      ctx.lineWidth = scaled(4);
      ctx.strokeStyle = "#fff";
      ctx.strokeText(words, center, free.top);
      ctx.fillStyle = color;
      ctx.fillText(words, center, free.top);
    }
  });
}

/** Decimals that show two digits of the way from the centre line to a limit. */
function telling(limit, center) {
  const way = typeof limit === "number" && typeof center === "number" ? Math.abs(limit - center) : 0;
  return way > 0 ? Math.min(12, Math.ceil(1 - Math.log10(way))) : 0;
}

/** Names and numbers of the lines in the right margin; what is off the scale is named at the edge with an arrow. */
export function drawMargin(u, chart, panel, decimals, withSpecification) {
  const [, to] = visible(u, chart);
  const limits = panel.limitsAt(Math.min(to, chart.count - 1));
  const control = chart.learning ? INK.provisional : INK.control;
  const mark = chart.learning ? "~" : "";
  const digits = Math.max(decimals, ...[limits.ucl, limits.lcl].map((limit) => telling(limit, limits.cl)));
  const lines = [
    [`${mark}UCL`, limits.ucl, control, 600], [`${mark}CL`, limits.cl, INK.center, 600], [`${mark}LCL`, limits.lcl, control, 600],
  ];
  if (withSpecification) {
    lines.push(["USL", chart.usl, INK.spec, 700], ["Target", chart.target, INK.spec, 500], ["LSL", chart.lsl, INK.spec, 700]);
  }
  const { ctx, bbox } = u;
  const height = scaled(15);
  const [top, bottom] = [bbox.top + height / 2, bbox.top + bbox.height - height / 2];
  const labels = lines
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([name, value, color, weight]) => {
      const wanted = yOf(u, value);
      const arrow = wanted < bbox.top - 1 ? " ↑" : wanted > bbox.top + bbox.height + 1 ? " ↓" : "";
      return { text: `${name} ${value.toFixed(digits)}${arrow}`, color, weight, y: Math.min(bottom, Math.max(top, wanted)) };
    })
    .sort((a, b) => a.y - b.y);
  for (let i = 1; i < labels.length; i += 1) labels[i].y = Math.max(labels[i].y, labels[i - 1].y + height);
  const overflow = labels.length ? Math.max(0, labels[labels.length - 1].y - bottom) : 0;
  if (overflow) {
    labels[labels.length - 1].y = bottom;
    for (let i = labels.length - 2; i >= 0; i -= 1) labels[i].y = Math.min(labels[i].y, labels[i + 1].y - height);
  }
  ctx.save();
  ctx.textAlign = "left";
  ctx.textBaseline = "middle";
  for (const label of labels) {
    ctx.font = font(12.5, label.weight);
    ctx.fillStyle = label.color;
    ctx.fillText(label.text, bbox.left + bbox.width + scaled(8), label.y);
  }
  ctx.restore();
}

/** The selected point: a ring thicker than a signal's, in the accent colour. */
export function drawSelection(u, chart, panel, index) {
  if (index === null || panel.raw[index] === null) return;
  inPlot(u, (ctx, bbox) => {
    const x = xOf(u, chart.x[index]);
    ctx.strokeStyle = INK.cursor;
    ctx.lineWidth = scaled(1.5);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.lineWidth = scaled(3.5);
    ctx.beginPath();
    ctx.arc(x, yOf(u, panel.raw[index]), scaled(9), 0, 2 * Math.PI);
    ctx.stroke();
  });
}
