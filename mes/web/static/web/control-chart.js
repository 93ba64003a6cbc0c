/* <halite-chart data-url="…">: a control chart with location and dispersion panels.
 *
 * Attributes
 *   data-url="…"            where the JSON is fetched (its shape: chart/data.js), or
 *   data-json="ID"          id of a <script type="application/json"> that holds it
 *   data-refresh-s="10"     fetch again so often while the page is visible
 *   data-detail-target="#x" a chosen point's `point_url` is loaded into this element by htmx
 *   data-last="200"         how many points to show at first; all when absent
 *   data-compact            location panel only, no toolbar: for a tile
 * Event  halite:point (bubbles): detail {id, index, url, lot, signals}: a point was clicked, tapped or entered
 * Keys   ← → one point, Home End first and last, N P next and previous signal, Enter choose, + − zoom, Esc all
 * Mouse  drag zooms, double click shows all.
 * Method reload() fetches again.
 */

import { lowerBound, panelLabel, rangeBetween, readChart } from "./chart/data.js";
import { INK, drawLimits, drawMargin, drawMarks, drawPhases, drawSelection, drawSpecification, visible } from "./chart/draw.js";
import { Frame } from "./chart/frame.js";

const MARGIN_RIGHT = 104;
const [PADDING_TOP, PADDING_BOTTOM, X_AXIS] = [14, 6, 52];
const SNAP_PX = 8;

class HaliteChart extends HTMLElement {
  #chart = null;
  #plots = [];
  #frame = null;
  #view = null; // [min, max] on x; null shows all
  #cursor = null;
  #selected = null;
  #showSpecification = true;
  #observer = null;
  #timer = null;
  #fetching = null;

  connectedCallback() {
    this.#frame = new Frame(this, {
      showLast: (count) => this.#showLast(count),
      toggleSpecification: (shown) => { this.#showSpecification = shown; this.#rescale(); },
      retry: () => this.reload(),
    });
    this.#frame.plot.addEventListener("keydown", (event) => this.#onKey(event));
    this.#observer = new ResizeObserver(() => this.#resize());
    this.#observer.observe(this.#frame.plot);
    this.reload();
    const seconds = Number(this.dataset.refreshS);
    if (seconds > 0) this.#timer = setInterval(() => document.hidden || this.reload(), seconds * 1000);
  }

  disconnectedCallback() {
    clearInterval(this.#timer);
    this.#fetching?.abort();
    this.#observer?.disconnect();
    this.#plots.forEach((plot) => plot.destroy());
    this.#plots = [];
    this.replaceChildren();
  }

  async reload() {
    this.#fetching?.abort();
    this.#fetching = new AbortController();
    try {
      this.#show(await this.#json(this.#fetching.signal));
      this.#frame.fresh();
    } catch (error) {
      if (error.name === "AbortError") return;
      this.#frame.failed(error, this.#chart !== null);
    }
  }

  async #json(signal) {
    if (this.dataset.json) return JSON.parse(document.getElementById(this.dataset.json).textContent);
    const answer = await fetch(this.dataset.url, {
      signal,
      credentials: "same-origin",
      // Refreshing by itself must not keep a session alive.
      headers: { Accept: "application/json", ...(this.dataset.refreshS ? { "X-Halite-Background": "1" } : {}) },
    });
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    return answer.json();
  }

  #show(json) {
    const first = this.#chart === null;
    const before = this.#chart;
    this.#chart = readChart(json);
    this.#frame.describe(this.#chart);
    this.#keepSelection(before);
    if (this.#chart.count === 0) return;
    if (first && this.dataset.last) this.#view = this.#lastView(Number(this.dataset.last));
    else if (before && this.#view && before.count && this.#view[1] >= before.x[before.count - 1]) {
      const moved = this.#chart.x[this.#chart.count - 1] - before.x[before.count - 1];
      this.#view = this.#view.map((edge) => edge + moved); // the view was at the newest point: follow it
    }
    if (first) this.#showSpecification = this.#frame.setSpecification(this.#specificationFits());
    if (this.#plots.length !== this.#shownPanels().length) {
      this.#plots.forEach((plot) => plot.destroy());
      this.#plots = this.#shownPanels().map((panel, position) => this.#plot(panel, position));
    } else {
      this.#shownPanels().forEach((panel, position) => this.#plots[position].setData([this.#chart.x, panel.values], false));
    }
    this.#rescale();
  }

  /** The window of points may have moved on: the same point stays selected, by its id. */
  #keepSelection(before) {
    this.#cursor = null;
    if (this.#selected === null || !before) return;
    const found = this.#chart.points.id?.indexOf(before.points.id?.[this.#selected]) ?? -1;
    this.#selected = found >= 0 ? found : null;
  }

  #shownPanels() {
    return this.hasAttribute("data-compact") ? this.#chart.panels.slice(0, 1) : this.#chart.panels;
  }

  /** Specification limits far outside the control limits would squash the chart: then they are off at first. */
  #specificationFits() {
    const { lsl, usl } = this.#chart;
    const [low, high] = rangeBetween(this.#chart.panels[0], 0, this.#chart.count - 1, []);
    return [lsl, usl].every((limit) => limit == null || (limit > low - 1.5 * (high - low) && limit < high + 1.5 * (high - low)));
  }

  #extent() {
    const { x, count } = this.#chart;
    const pad = count > 1 ? Math.max((x[count - 1] - x[0]) * 0.01, (x[count - 1] - x[0]) / (count - 1) / 2) : 1;
    return [x[0] - pad, x[count - 1] + pad];
  }

  #lastView(count) {
    const { x, count: total } = this.#chart;
    if (count >= total) return null;
    const first = x[total - count];
    const pad = (x[total - 1] - first) * 0.015 + (x[total - 1] - x[total - 2]) / 2;
    return [first - pad, x[total - 1] + pad];
  }

  #showLast(count) {
    this.#view = count ? this.#lastView(count) : null;
    this.#rescale();
  }

  #yRange(panel) {
    const { x, count, lsl, usl, target } = this.#chart;
    const [min, max] = this.#view ?? this.#extent(); // uPlot commits its own x scale only after this
    const from = Math.min(count - 1, lowerBound(x, min));
    const to = Math.max(from, lowerBound(x, max) - 1);
    const extras = panel.name === "location" && this.#showSpecification ? [lsl, usl, target] : [];
    return rangeBetween(panel, from, Math.min(to, count - 1), extras);
  }

  #rescale() {
    if (!this.#plots.length) return;
    const [min, max] = this.#view ?? this.#extent();
    this.#plots.forEach((plot) => plot.setScale("x", { min, max }));
  }

  #plot(panel, position) {
    const name = panel.name;
    const current = () => this.#chart.panels.find((candidate) => candidate.name === name);
    const bottom = position === this.#shownPanels().length - 1;
    const unit = name === "dispersion" ? this.#chart.dispersion_unit ?? this.#chart.unit : this.#chart.unit;
    const label = `${panelLabel(this.#chart, name)}${unit ? `, ${unit}` : ""}`;
    const size = this.#size(position);
    const axis = { stroke: INK.text, grid: { stroke: INK.grid, width: 1 }, ticks: { stroke: INK.grid, width: 1 }, font: `14px ${getComputedStyle(this).fontFamily}` };
    const options = {
      ...size,
      padding: [PADDING_TOP, MARGIN_RIGHT, bottom ? 0 : PADDING_BOTTOM, 0],
      legend: { show: false },
      scales: { x: { time: false }, y: { range: () => this.#yRange(current()) } },
      axes: [
        { ...axis, show: bottom, space: 96, size: X_AXIS, values: (_, ticks) => ticks.map((tick) => this.#frame.xTick(this.#chart, tick)), incrs: this.#chart.sequential ? [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6] : undefined },
        { ...axis, label, labelFont: this.#labelFont(label, size.height, bottom), labelSize: 26, size: 66 },
      ],
      series: [{}, {
        stroke: INK.line, width: 1.5, spanGaps: Boolean(this.#chart.rare),
        points: { size: 6, fill: INK.point, stroke: INK.point, show: (plot, _, from, to) => Boolean(this.#chart.rare) || plot.bbox.width / devicePixelRatio / Math.max(1, to - from) > 5 },
        gaps: (plot, _, from, to, gaps) => this.#phaseGaps(plot, from, to, gaps),
      }],
      cursor: {
        drag: { x: true, y: false, setScale: false },
        points: { show: false },
        y: false,
        move: (plot, left, top) => { this.#hover(plot, left); return [left, top]; },
      },
      hooks: {
        drawAxes: [(plot) => { drawLimits(plot, this.#chart, current()); if (name === "location" && this.#showSpecification) drawSpecification(plot, this.#chart); drawPhases(plot, this.#chart, name === "location"); }],
        draw: [(plot) => {
          drawMarks(plot, this.#chart, current());
          drawSelection(plot, this.#chart, current(), this.#selected);
          drawMargin(plot, this.#chart, current(), this.#chart.decimals, name === "location");
        }],
        setSelect: [(plot) => {
          if (plot.select.width < 8) return;
          this.#view = [plot.posToVal(plot.select.left, "x"), plot.posToVal(plot.select.left + plot.select.width, "x")];
          plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
          this.#frame.zoomed();
          this.#rescale();
        }],
      },
    };
    const plot = new window.uPlot(options, [this.#chart.x, panel.values], this.#frame.plot);
    plot.over.addEventListener("click", () => this.#cursor !== null && this.#choose(this.#cursor));
    plot.over.addEventListener("dblclick", () => { this.#frame.pressed(0); this.#showLast(0); });
    plot.over.addEventListener("mouseleave", () => this.#frame.hideDetails());
    return plot;
  }

  /** Font of the name along the value axis: smaller where the panel is too low for all of it. */
  #labelFont(label, height, bottom) {
    const middle = (PADDING_TOP + height - (bottom ? X_AXIS : PADDING_BOTTOM)) / 2;
    const room = 2 * Math.min(middle, height - middle) - 8;
    const ctx = document.createElement("canvas").getContext("2d");
    const font = (px) => `600 ${px}px ${getComputedStyle(this).fontFamily}`;
    ctx.font = font(14);
    return font(Math.max(10, Math.min(14, Math.floor((14 * room) / ctx.measureText(label).width))));
  }

  /** The line is broken where limits or recipe changed: a phase is a new story. */
  #phaseGaps(plot, from, to, gaps) {
    for (const { i } of this.#chart.phaseBreaks) {
      if (i <= from || i > to) continue;
      gaps.push([plot.valToPos(this.#chart.x[i - 1], "x", true), plot.valToPos(this.#chart.x[i], "x", true)]);
    }
    return gaps.sort((a, b) => a[0] - b[0]);
  }

  #hover(plot, left) {
    if (left < 0) return;
    const panel = this.#shownPanels()[this.#plots.indexOf(plot)];
    const index = this.#nearestSignal(plot, panel, left) ?? plot.posToIdx(left);
    if (index === this.#cursor && this.#frame.detailsShown) return;
    this.#cursor = index;
    this.#frame.showDetails(this.#chart, index, plot, panel);
  }

  /** A signal within a finger's width wins over the ordinary points around it. */
  #nearestSignal(plot, panel, left) {
    const [from, to] = [left - SNAP_PX, left + SNAP_PX].map((edge) => plot.posToVal(edge, "x"));
    const { x } = this.#chart;
    const distance = (i) => Math.abs(plot.valToPos(x[i], "x") - left);
    const near = panel.signalled.filter((i) => x[i] >= from && x[i] <= to);
    return near.length ? near.reduce((best, i) => (distance(i) < distance(best) ? i : best)) : null;
  }

  #moveTo(index) {
    const clamped = Math.min(this.#chart.count - 1, Math.max(0, index));
    const plot = this.#plots[0];
    this.#cursor = clamped;
    this.#selected = clamped;
    const x = this.#chart.x[clamped];
    const { min, max } = plot.scales.x;
    if (x < min || x > max) {
      const half = (max - min) / 2;
      this.#view = [x - half, x + half];
      this.#frame.zoomed();
      this.#rescale();
    } else this.#plots.forEach((each) => each.redraw(false));
    this.#frame.showDetails(this.#chart, clamped, plot, this.#chart.panels[0], true);
  }

  #choose(index) {
    this.#selected = index;
    this.#plots.forEach((plot) => plot.redraw(false));
    const { points, point_url: template } = this.#chart;
    const id = points.id?.[index] ?? index;
    const url = template ? template.replace("{id}", encodeURIComponent(id)) : null;
    const signals = this.#chart.signals.filter((signal) => signal.i === index);
    this.dispatchEvent(new CustomEvent("halite:point", { bubbles: true, detail: { id, index, url, lot: points.lot?.[index] ?? null, signals } }));
    const target = this.dataset.detailTarget;
    if (url && target && window.htmx) window.htmx.ajax("GET", url, { target, swap: "innerHTML" });
  }

  #zoom(factor) {
    const { min, max } = this.#plots[0].scales.x;
    const middle = this.#cursor === null ? (min + max) / 2 : this.#chart.x[this.#cursor];
    this.#view = [middle - (middle - min) * factor, middle + (max - middle) * factor];
    this.#frame.zoomed();
    this.#rescale();
  }

  #onKey(event) {
    if (!this.#plots.length || event.ctrlKey || event.metaKey || event.altKey) return;
    const at = this.#cursor ?? visible(this.#plots[0], this.#chart)[1];
    const { signalled, count } = this.#chart;
    const after = signalled.find((i) => i > at);
    const before = signalled.filter((i) => i < at).pop();
    const acts = {
      ArrowLeft: () => this.#moveTo(at - 1), ArrowRight: () => this.#moveTo(at + 1),
      Home: () => this.#moveTo(0), End: () => this.#moveTo(count - 1),
      n: () => after !== undefined && this.#moveTo(after), p: () => before !== undefined && this.#moveTo(before),
      Enter: () => this.#choose(at), "+": () => this.#zoom(0.5), "-": () => this.#zoom(2),
      Escape: () => { this.#frame.pressed(0); this.#showLast(0); },
    };
    const act = acts[event.key] ?? acts[event.key.toLowerCase()];
    if (!act || event.target !== this.#frame.plot) return;
    event.preventDefault();
    act();
  }

  #size(position) {
    const width = Math.max(280, this.#frame.plot.clientWidth);
    if (this.hasAttribute("data-compact")) return { width, height: 190 };
    const tall = Math.round(Math.min(400, Math.max(240, window.innerHeight * 0.38)));
    if (this.#shownPanels().length === 1) return { width, height: tall + 60 };
    return { width, height: position === 0 ? tall : Math.round(tall * 0.62) };
  }

  #resize() {
    this.#plots.forEach((plot, position) => {
      const size = this.#size(position);
      if (size.width !== plot.width || size.height !== plot.height) plot.setSize(size);
    });
  }
}

customElements.define("halite-chart", HaliteChart);
