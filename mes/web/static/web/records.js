/* <halite-record data-url="…">: draws a raw record into its [data-plot] children: map, drying, pressure or dose.
 *
 * Each plot says in words beneath it what it shows, so that nothing is told by colour alone. Its JSON: mes/records/.
 */

import { HalitePlots, INK, axis, line } from "./plots.js";

const OPEN = "rgb(11 93 116 / 12%)";
const UNKNOWN = "rgb(179 38 30 / 28%)";
const DOOR = "rgb(156 74 0 / 70%)";
const BORDER = "#c9d2d9";
// Thin to thick; readable in greys and for the colour-blind (after the "viridis" map).
const RAMP = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];

const plain = { scales: { x: { time: false } } };

/** Colour of a share 0…1. */
function shade(share) {
  const at = Math.min(0.9999, Math.max(0, share)) * (RAMP.length - 1);
  const low = Math.floor(at);
  return `rgb(${RAMP[low].map((part, i) => Math.round(part + (at - low) * (RAMP[low + 1][i] - part))).join(" ")})`;
}

/** A rectangle over the plot's whole height between two x values. */
function band(u, from, to, fill) {
  const left = Math.max(u.valToPos(from, "x", true), u.bbox.left);
  const right = Math.min(u.valToPos(to, "x", true), u.bbox.left + u.bbox.width);
  if (right < left) return;
  u.ctx.fillStyle = fill;
  u.ctx.fillRect(left, u.bbox.top, Math.max(2, right - left), u.bbox.height);
}

class HaliteRecord extends HalitePlots {
  draw(data) {
    if (data.thickness_um) this.#map(data);
    if (data.mass_g) this.#drying(data);
    if (data.pressure_mbar) this.#pressure(data);
    (data.intervals ?? []).forEach((interval, i) => this.#interval(`interval-${i}`, interval));
  }

  #map(data) {
    const known = data.thickness_um.flatMap((row) => row.filter((value, lane) => value !== null && !data.border[lane]));
    const low = known.reduce((a, b) => Math.min(a, b), Infinity);
    const high = known.reduce((a, b) => Math.max(a, b), -Infinity);
    const lanes = data.lanes.length;
    const middle = (i) => (data.metre[i] + data.metre[i + 1]) / 2;
    const cells = (u) => {
      u.ctx.save();
      data.thickness_um.forEach((row, i) => {
        const from = i === 0 ? data.metre[0] : middle(i - 1);
        const to = i === data.metre.length - 1 ? data.metre[i] : middle(i);
        const left = u.valToPos(from, "x", true);
        const right = Math.max(left + 1, u.valToPos(to, "x", true));
        row.forEach((value, lane) => {
          const top = u.valToPos(lane + 1.5, "y", true);
          const bottom = u.valToPos(lane + 0.5, "y", true);
          u.ctx.fillStyle = value === null ? "#ffffff" : data.border[lane] ? BORDER : shade((value - low) / (high - low || 1));
          u.ctx.fillRect(left, top, right - left + 0.5, bottom - top);
        });
      });
      u.ctx.restore();
    };
    const ticks = data.lanes.map((_, i) => i + 1);
    this.plot("map", {
      scales: { x: { time: false, range: [data.metre[0], data.metre.at(-1)] }, y: { range: [0.5, lanes + 0.5] } },
      axes: [axis("Metre of the roll", { grid: { show: false } }), axis("Lane", { splits: () => ticks, values: () => data.lanes, grid: { show: false } })],
      series: [{ label: "Metre" }, { label: "lane", show: true, stroke: "transparent", points: { show: false } }],
      legend: { show: false }, cursor: { show: false }, hooks: { drawClear: [], drawAxes: [cells] },
    }, [data.metre, data.metre.map(() => null)]);
    const borders = data.border.filter(Boolean).length;
    const holes = data.thickness_um.flat().filter((value) => value === null).length;
    const scale = known.length ? `Dark is thin (${low.toFixed(1)} µm), yellow thick (${high.toFixed(1)} µm).` : "No value inside the borders.";
    this.say("map", `${scale} ${borders ? `${borders} grey lanes lie in the coating border and count for nothing.` : "No lane is marked as coating border."}${holes ? ` ${holes} white places were not read.` : ""}`);
    if (!data.edge_centre_um) return this.say("edge", "No index: a value inside the borders is missing.", true);
    this.plot("edge", { ...plain, axes: [axis("Metre of the roll"), axis("Edge − centre, µm")], series: [{ label: "Metre" }, line("edge − centre", INK[0])] }, [data.metre, data.edge_centre_um]);
    const taper = data.values["map.taper_um_m"];
    const mean = data.edge_centre_um.reduce((a, b) => a + b, 0) / data.edge_centre_um.length;
    return this.say("edge", `Mean ${mean.toFixed(2)} µm${taper === undefined ? "" : `; taper along the roll ${taper.toPrecision(3)} µm/m`}.`);
  }

  #drying(data) {
    const end = data.values["drying.endpoint_min"];
    const marked = (u) => { if (end !== undefined) band(u, data.time_min[0] + end, data.time_min[0] + end, DOOR); };
    this.plot("mass", { ...plain, axes: [axis("Time, min"), axis("Mass, g")], series: [{ label: "min" }, line("mass", INK[0])], hooks: { draw: [marked] } }, [data.time_min, data.mass_g]);
    this.say("mass", end === undefined ? `No endpoint: ${data.problems.join("; ")}.` : `The brown line is the endpoint, ${end.toFixed(1)} min after the first weighing. Flat is not dry: the residual solvent is measured for itself.`, end === undefined);
    if (data.rate_pct_min) {
      const limit = data.time_min.slice(1).map(() => data.rate_limit_pct_min);
      this.plot("rate", { ...plain, axes: [axis("Time, min"), axis("Loss, % of first mass/min")], series: [{ label: "min" }, line("rate", INK[0]), line("limit", INK[1], { dash: [7, 4] })], hooks: { draw: [marked] } }, [data.time_min.slice(1), data.rate_pct_min, limit]);
      this.say("rate", `The recipe's limit, ${data.rate_limit_pct_min} %/min, is dashed.`);
    } else this.say("rate", "The recipe gives no rate limit, or the curve is too short.");
    if (!data.stages.length) return this.say("stages", "The stages of the recipe do not lie within the curve.", true);
    const pad = data.stages[0].end_min / 2;
    this.plot("stages", {
      scales: { x: { time: false, range: (_, low, high) => [low - pad, high + pad] } }, axes: [axis("End of the stage, min"), axis("Loss, % of first mass")],
      series: [{ label: "min" }, line("loss", INK[0], { points: { show: true, size: 9 }, paths: uPlot.paths.bars({ size: [0.5, 60] }), fill: OPEN })],
    }, [data.stages.map((stage) => stage.end_min), data.stages.map((stage) => stage.loss_pct)]);
    return this.say("stages", data.stages.map((stage, i) => `stage ${i + 1} to ${stage.end_min.toFixed(1)} min: ${stage.loss_pct.toFixed(2)} %`).join(", "));
  }

  #pressure(data) {
    const vented = (u) => data.steps.forEach((step) => band(u, step.started_s, step.started_s + step.held_s, OPEN));
    this.plot("pressure", {
      scales: { x: { time: false }, y: { distr: 3 } }, axes: [axis("Time, s"), axis("Pressure, mbar")],
      series: [{ label: "s" }, line("pressure", INK[0])], hooks: { drawClear: [], drawAxes: [vented] },
    }, [data.time_s, data.pressure_mbar.map((value) => Math.max(value, 1e-3))]);
    this.say("pressure", data.steps.length ? `${data.steps.length} evacuations, shaded; between them the cell soaks.` : `No evacuation: ${data.problems.join("; ")}.`, !data.steps.length);
  }

  #interval(name, interval) {
    const zone = this.dataset.zone;
    const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: zone });
    const shown = (u) => {
      band(u, interval.opened_at, interval.until, OPEN);
      interval.gaps.forEach(([from, to]) => band(u, from, to, UNKNOWN));
      interval.doors.forEach((door) => band(u, door.closed_at - door.open_s, door.closed_at, DOOR));
    };
    const empty = !interval.time_s.length;
    const time = empty ? [interval.opened_at, interval.until] : interval.time_s;
    const frost = empty ? [null, null] : interval.frost_point_c;
    const from = Math.min(time[0], interval.opened_at);
    const to = Math.max(time.at(-1), interval.until);
    this.plot(name, {
      scales: { x: { range: [from, to + 1] }, y: empty ? { range: [-60, 0] } : {} },
      axes: [axis("Time", { values: (_, splits) => splits.map((at) => clock.format(new Date(1000 * at))) }), axis("Frost point, °C")],
      series: [{ label: "Time" }, line("frost point", INK[0])], legend: { show: false }, hooks: { drawClear: [], drawAxes: [shown] },
    }, [time, frost]);
    const opened = interval.doors.length;
    const doors = opened ? `${opened} door opening${opened === 1 ? "" : "s"}, brown` : "no door opened";
    if (interval.dose_g_h_m3 === null) return this.say(name, `Dose unknown: ${interval.unknown}. Red is not known; ${doors}.`, true);
    return this.say(name, `Shaded: open ${interval.open_min.toFixed(1)} min, dose ${interval.dose_g_h_m3.toPrecision(3)} g·h/m³; ${doors}.`);
  }
}

customElements.define("halite-record", HaliteRecord);
