/* The HTML around the canvases: title, state, toolbar, legend, details of a point, messages. */

import { panelLabel } from "./data.js";

const RANGES = [[50, "Last 50"], [200, "Last 200"], [0, "All"]];

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

export class Frame {
  #acts;
  #host;
  #buttons = new Map();
  #formats = new Map();
  detailsShown = false;

  constructor(host, acts) {
    this.#host = host;
    this.#acts = acts;
    this.compact = host.hasAttribute("data-compact");
    this.head = element("div", "chart__head");
    this.title = element("h3", "chart__title");
    this.state = element("span", "badge-state");
    this.tools = element("div", "chart__tools");
    this.head.append(this.title, this.state, this.tools);
    this.note = element("p", "chart__note");
    this.note.hidden = true;
    this.plot = element("div", "chart__plot");
    this.plot.tabIndex = 0;
    this.plot.setAttribute("role", "application");
    this.details = element("div", "chart__details");
    this.details.hidden = true;
    this.spoken = element("p", "visually-hidden");
    this.spoken.setAttribute("aria-live", "polite");
    this.legend = element("div", "chart__legend");
    this.message = element("div", "chart__message", "Loading the chart");
    this.message.setAttribute("role", "status");
    this.plot.append(this.message, this.details);
    host.replaceChildren(this.head, this.note, this.plot, this.legend, this.spoken);
    if (!this.compact) this.#buildTools();
  }

  #buildTools() {
    const ranges = element("div", "chart__ranges");
    ranges.setAttribute("role", "group");
    ranges.setAttribute("aria-label", "Points shown");
    for (const [count, words] of RANGES) {
      const button = element("button", "btn chart__button", words);
      button.type = "button";
      if (!count) button.title = "Reset the zoom";
      button.addEventListener("click", () => { this.pressed(count); this.#acts.showLast(count); });
      this.#buttons.set(count, button);
      ranges.append(button);
    }
    this.specification = element("button", "btn chart__button", "Specification");
    this.specification.type = "button";
    this.specification.addEventListener("click", () => {
      this.#acts.toggleSpecification(this.setSpecification(this.specification.getAttribute("aria-pressed") !== "true"));
    });
    this.table = element("a", "btn chart__button", "As a table");
    this.table.hidden = true;
    this.tools.append(ranges, this.specification, this.table);
    this.pressed(Number(this.#host.dataset.last ?? 0));
  }

  pressed(count) {
    for (const [each, button] of this.#buttons) button.setAttribute("aria-pressed", String(each === count));
  }

  zoomed() {
    this.pressed(-1);
  }

  setSpecification(shown) {
    this.specification?.setAttribute("aria-pressed", String(shown));
    return shown;
  }

  describe(chart) {
    this.title.textContent = chart.title ?? "";
    this.state.className = `badge-state badge-state--${chart.learning ? "learning" : "frozen"}`;
    this.state.textContent = chart.learning ? "Learning: limits provisional" : "Limits frozen";
    const signals = chart.signalled.length;
    this.plot.setAttribute("aria-label", `Control chart ${chart.title ?? ""}, ${chart.count} points, ${signals} with a signal. Arrow keys move, N next signal, Enter opens.`);
    this.message.hidden = chart.count > 0;
    this.message.textContent = "No points yet. The first accepted reading appears here.";
    if (this.compact) return;
    const hasSpecification = [chart.lsl, chart.usl, chart.target].some((limit) => limit != null);
    this.specification.hidden = !hasSpecification;
    if (chart.table_url) {
      this.table.href = chart.table_url;
      this.table.hidden = false;
    }
    const items = [
      ["signal", "Signal"], ["member", "In the pattern"], chart.learning ? ["provisional", "Provisional control limits"] : ["control", "Control limits"],
      ["center", "Centre line"], hasSpecification && ["spec", "Specification limits"], chart.excluded.size && ["excluded", "Excluded"], chart.phaseBreaks.length && ["phase", "Change of phase"],
    ].filter(Boolean);
    this.legend.replaceChildren(...items.map(([kind, words]) => {
      const item = element("span", "chart__key", words);
      item.prepend(element("i", `chart__swatch chart__swatch--${kind}`));
      return item;
    }));
  }

  fresh() {
    this.freshAt = new Date();
    this.note.hidden = true;
  }

  /** Say that nothing could be loaded; a chart already shown stays, marked as old. */
  failed(error, shown) {
    if (shown) {
      this.note.textContent = `Not refreshed since ${this.freshAt.toLocaleTimeString()}: ${error.message}. The points below may be old.`;
      this.note.hidden = false;
      return;
    }
    this.message.hidden = false;
    const retry = element("button", "btn", "Try again");
    retry.type = "button";
    retry.addEventListener("click", () => this.#acts.retry());
    this.message.replaceChildren(element("p", "", `The chart could not be loaded: ${error.message}.`), retry);
  }

  #time(chart, seconds, options) {
    const key = `${chart.time_zone}${JSON.stringify(options)}`;
    if (!this.#formats.has(key)) {
      this.#formats.set(key, new Intl.DateTimeFormat("en-GB", { ...options, timeZone: chart.time_zone || undefined }));
    }
    return this.#formats.get(key).format(seconds * 1000);
  }

  /** Tick text: the position, and below it the time of the point there. */
  xTick(chart, tick) {
    if (!chart.sequential) return String(tick);
    const index = tick - chart.firstNumber;
    if (index < 0 || index >= chart.count || !Number.isInteger(tick)) return "";
    const time = chart.points.t?.[index];
    if (time == null) return String(tick);
    return `${tick}\n${this.#time(chart, time, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" })}`;
  }

  showDetails(chart, index, plot, panel, spoken = false) {
    const { points } = chart;
    const unit = chart.unit ? ` ${chart.unit}` : "";
    const show = (value) => (value == null ? "–" : value.toFixed(chart.decimals));
    const limits = panel.limitsAt(index);
    const mark = chart.learning ? "provisional " : "";
    const rows = [panel, ...chart.panels.filter((each) => each !== panel)].map((each) => [panelLabel(chart, each.name), `${show(each.raw[index])}${unit}`]);
    rows.push([`${mark}limits`, `${show(limits.lcl)} … ${show(limits.ucl)}`]);
    if (points.lot?.[index]) rows.push(["Lot", points.lot[index]]);
    if (points.n) rows.push(["n", String(points.n[index])]);
    if (points.t?.[index] != null) rows.push(["Time", this.#time(chart, points.t[index], { dateStyle: "medium", timeStyle: "medium" })]);
    const head = element("p", "chart__details-head", `Point ${chart.firstNumber + index}${chart.excluded.has(index) ? ", excluded" : ""}`);
    const list = element("dl", "chart__facts");
    for (const [name, value] of rows) list.append(element("dt", "", name), element("dd", "", value));
    const signals = chart.signals.filter((signal) => signal.i === index);
    const rules = signals.map((signal) => element("p", "chart__details-signal", `◆ ${signal.label ?? signal.rule}${signal.provisional ? " (provisional)" : ""}`));
    const member = !signals.length && chart.signals.find((signal) => signal.members.includes(index));
    if (member) rules.push(element("p", "chart__details-member", `■ In the pattern "${member.label ?? member.rule}"`));
    this.details.replaceChildren(head, list, ...rules);
    this.details.hidden = false;
    this.detailsShown = true;
    const box = this.plot.getBoundingClientRect();
    const over = plot.over.getBoundingClientRect();
    const x = over.left - box.left + plot.valToPos(chart.x[index], "x");
    const toRight = x + 24 + this.details.offsetWidth < box.width;
    this.details.style.transform = `translate(${toRight ? x + 20 : x - 20 - this.details.offsetWidth}px, ${over.top - box.top + 8}px)`;
    if (spoken) this.spoken.textContent = [head.textContent, ...rows.map((row) => row.join(" ")), ...rules.map((rule) => rule.textContent)].join(", ");
  }

  hideDetails() {
    this.details.hidden = true;
    this.detailsShown = false;
  }
}
