/* What elements that draw JSON into their [data-plot] children have in common: inks, axes, lines, loading, resizing.
 *
 * An element extends HalitePlots and has draw(data). Each plot says in words beneath it what it shows.
 */

export const INK = ["#0b5d74", "#9c4a00", "#1f6f43", "#6c47a0", "#b3261e", "#24466f"];
export const TEXT = "#465361";
const GRID = "#e4e9ed";
const HEIGHT = 290;

export const axis = (label, options = {}) => ({ label, stroke: TEXT, grid: { stroke: GRID }, ticks: { stroke: GRID }, size: 62, labelSize: 22, ...options });
export const line = (label, color, options = {}) => ({ label, stroke: color, width: 1.75, points: { show: false }, ...options });

export class HalitePlots extends HTMLElement {
  #plots = [];
  #observer = null;

  async connectedCallback() {
    this.#observer = new ResizeObserver(() => this.#resize());
    this.#observer.observe(this);
    try {
      const answer = await fetch(this.dataset.url, { credentials: "same-origin", headers: { Accept: "application/json" } });
      const data = await answer.json();
      if (!answer.ok) throw new Error(data.problem ?? `the server answered ${answer.status}`);
      this.draw(data);
      this.dataset.ready = "";
    } catch (error) {
      this.querySelectorAll("[data-words]").forEach((words) => { words.textContent = `Not shown: ${error.message}`; });
    }
  }

  disconnectedCallback() {
    this.#observer?.disconnect();
    this.#plots.forEach((plot) => plot.destroy());
    this.#plots = [];
  }

  #resize() {
    for (const plot of this.#plots) plot.setSize({ width: plot.root.parentElement.clientWidth, height: HEIGHT });
  }

  plot(name, options, data) {
    const place = this.querySelector(`[data-plot="${name}"]`);
    if (place) this.#plots.push(new uPlot({ width: place.clientWidth, height: HEIGHT, ...options }, data, place));
  }

  say(name, words, alarm = false) {
    const place = this.querySelector(`[data-words="${name}"]`);
    if (!place) return;
    place.textContent = words;
    place.toggleAttribute("data-alarm", alarm);
  }
}
