/* <halite-plot data-json="ID">: bars, lines and points over one pair of axes, from a <script type="application/json">.
 *
 * {
 *   "x_label": "Value, um", "y_label": "Readings",
 *   "bars": {"edges": [k + 1], "counts": [k]} | absent,
 *   "lines": [{"label": "…", "x": [..], "y": [..|null], "dash": bool, "points": bool, "line": bool}],
 *   "verticals": [{"x": 1.0, "label": "LSL", "soft": bool}], "horizontals": [{"y": 1.0, "label": "UCL", "soft": bool}],
 *   "x_names": ["A", "B"]                          // words under x = 0, 1, …
 * }
 */

const INK = ["#0b5d74", "#9c4a00", "#6c47a0", "#1f6f43", "#b3261e", "#24466f"];
const BAR = "rgb(51 82 107 / 35%)";
const EDGE = "#33526b";
const GRID = "#e4e9ed";
const TEXT = "#465361";
const LIMIT = "#16202a";
const HEIGHT = 320;

/** The staircase of a histogram as x and y. */
function steps({ edges, counts }) {
  const x = [edges[0]];
  const y = [0];
  counts.forEach((count, i) => { x.push(edges[i], edges[i + 1]); y.push(count, count); });
  return { x: [...x, edges.at(-1)], y: [...y, 0] };
}

class HalitePlot extends HTMLElement {
  #plot = null;
  #observer = null;
  #data = null;

  connectedCallback() {
    this.#data = JSON.parse(document.getElementById(this.dataset.json).textContent);
    this.#observer = new ResizeObserver(() => this.#plot?.setSize(this.#size()));
    this.#draw();
    this.#observer.observe(this);
    this.dataset.ready = "";
  }

  disconnectedCallback() {
    this.#observer?.disconnect();
    this.#plot?.destroy();
  }

  #size() {
    return { width: this.clientWidth, height: HEIGHT };
  }

  #draw() {
    const { bars, lines = [], verticals = [], horizontals = [], x_names: names } = this.#data;
    const labels = [...new Set(lines.map((each) => each.label))]; // lines of one label share its ink
    const parts = lines.map((each) => ({ ...each, ink: INK[labels.indexOf(each.label) % INK.length] }));
    if (bars) parts.unshift({ ...steps(bars), label: "Readings", ink: EDGE, fill: BAR, bars: true });
    const series = parts.map((each) => ({
      label: each.label, stroke: each.ink, fill: each.fill, width: each.line === false ? 0 : each.bars ? 1 : 2,
      dash: each.dash ? [7, 4] : [], points: { show: false },
    }));
    const xs = [...parts.flatMap((each) => each.x), ...verticals.map((each) => each.x)];
    const ys = [...parts.flatMap((each) => each.y), ...horizontals.map((each) => each.y)].filter((value) => value !== null);
    const axis = { stroke: TEXT, grid: { stroke: GRID }, ticks: { stroke: GRID }, labelSize: 22 };
    const named = names ? { splits: () => names.map((_, i) => i), values: () => names } : {};
    const [low, high] = [Math.min(...ys), Math.max(...ys)];
    const pad = (high - low) * 0.06 || Math.abs(high) * 0.01 || 1;
    this.#plot = new uPlot({
      ...this.#size(),
      mode: 2, // each line has its own x
      padding: [verticals.some((each) => each.soft) ? 42 : 24, 16, 0, 0],
      scales: { x: { time: false, range: this.#across(xs) }, y: { range: [bars ? 0 : low - pad, high + pad] } },
      axes: [{ ...axis, ...named, label: this.#data.x_label, size: 42 }, { ...axis, label: this.#data.y_label, size: 68 }],
      legend: { show: parts.length > 1, live: false },
      cursor: { show: false },
      series: [{}, ...series.map((each) => ({ ...each, facets: [{ scale: "x", auto: true }, { scale: "y", auto: true }] }))],
      hooks: { draw: [(u) => { this.#limits(u, verticals, horizontals); this.#points(u, parts); }] },
    }, [null, ...parts.map((each) => [each.x, each.y])], this);
  }

  #across(xs) {
    const [low, high] = [Math.min(...xs), Math.max(...xs)];
    const pad = this.#data.x_names ? 0.4 : (high - low) * 0.04 || Math.abs(high) * 0.01 || 1;
    return [low - pad, high + pad];
  }

  #points(u, parts) {
    for (const { x, y, ink } of parts.filter((each) => each.points)) {
      u.ctx.fillStyle = ink;
      x.forEach((at, i) => {
        if (y[i] === null) return;
        u.ctx.beginPath();
        u.ctx.arc(u.valToPos(at, "x", true), u.valToPos(y[i], "y", true), 4 * devicePixelRatio, 0, 2 * Math.PI);
        u.ctx.fill();
      });
    }
  }

  #limits(u, verticals, horizontals) {
    const { ctx, bbox } = u;
    const px = devicePixelRatio;
    ctx.save();
    ctx.font = `600 ${13 * px}px "Segoe UI", system-ui, Roboto, sans-serif`;
    ctx.textBaseline = "alphabetic";
    ctx.fillStyle = LIMIT;
    ctx.strokeStyle = LIMIT;
    const stroke = (soft, ax, ay, bx, by) => {
      ctx.lineWidth = (soft ? 1.25 : 2) * px;
      ctx.setLineDash(soft ? [2 * px, 5 * px] : [10 * px, 5 * px]);
      ctx.beginPath();
      ctx.moveTo(ax, ay);
      ctx.lineTo(bx, by);
      ctx.stroke();
    };
    ctx.textAlign = "center";
    for (const { x, label, soft } of verticals) {
      const at = u.valToPos(x, "x", true);
      stroke(soft, at, bbox.top, at, bbox.top + bbox.height);
      ctx.fillText(label, at, bbox.top - (soft ? 25 : 7) * px); // a row of its own: a mean may lie at the target
    }
    ctx.textAlign = "right";
    for (const { y, label, soft } of horizontals) {
      const at = u.valToPos(y, "y", true);
      stroke(soft, bbox.left, at, bbox.left + bbox.width, at);
      ctx.fillText(label, bbox.left + bbox.width - 4 * px, at - 5 * px);
    }
    ctx.restore();
  }
}

customElements.define("halite-plot", HalitePlot);
