/* <halite-formation data-url="…">: draws the plots of one cell's formation into its [data-plot] children.
 *
 * Each plot says in words beneath it what it shows, so that nothing is told by colour alone. Its JSON: formation_page.py.
 */

import { HalitePlots, INK, axis, line } from "./plots.js";

const BAND = "rgb(31 111 67 / 14%)";

/** Several curves with their own x become one table: the union of all x, null where a curve has no point. */
function joined(curves) {
  return uPlot.join(curves.map(({ x, y }) => {
    const order = x.map((_, i) => i).sort((a, b) => x[a] - x[b]);
    const once = order.filter((i, k) => k === 0 || x[i] !== x[order[k - 1]]);
    return [once.map((i) => x[i]), once.map((i) => y[i])];
  }));
}

class HaliteFormation extends HalitePlots {
  draw(data) {
    if (data.cells) return this.#members(data);
    if (data.curves.length) this.#curves(data.curves);
    if (data.band) this.#band(data.band);
    if (data.ce) this.#efficiency(data.ce);
    if (data.dqdv.length) this.#incremental(data.dqdv);
    else this.say("dqdv", "No step spans enough voltage for dQ/dV.");
    if (data.nyquist) this.#nyquist(data.nyquist);
    return undefined;
  }

  #members(data) {
    const series = [{ label: "Share, %" }];
    const table = [data.share_pct];
    if (data.lower_v) {
      series.push(line("lower", "#1f6f43", { width: 1 }), line("upper", "#1f6f43", { width: 1 }));
      table.push(data.lower_v, data.upper_v);
    }
    data.cells.forEach((cell, i) => {
      series.push(line(cell.code, INK[i % INK.length], { width: 1 }));
      table.push(cell.voltage_v);
    });
    this.plot("members", {
      scales: { x: { time: false } }, axes: [axis("Share of the first charge, %"), axis("Voltage, V")], series,
      bands: data.lower_v ? [{ series: [2, 1], fill: BAND }] : [], legend: { show: data.cells.length <= 12 },
    }, table);
    const words = !data.lower_v ? "no band yet: two good cells of one recipe revision make one"
      : `band of ${data.band_cells} good cells, ${data.provisional ? "provisional: 20 are needed to judge" : "median ± 4 robust sigma"}`;
    return this.say("members", `First charges of ${data.cells.length} cells; ${words}.`);
  }

  #curves(curves) {
    const series = curves.map((curve) => line(`${curve.kind} ${curve.cycle}`, INK[(curve.cycle - 1) % INK.length],
      { dash: curve.kind === "discharge" ? [7, 4] : [], spanGaps: true }));
    const table = joined(curves.map((curve) => ({ x: curve.capacity_ah, y: curve.voltage_v })));
    this.plot("curves", {
      scales: { x: { time: false } }, axes: [axis("Capacity, Ah"), axis("Voltage, V")],
      series: [{ label: "Ah" }, ...series],
    }, table);
    this.say("curves", "Charges are drawn in full, discharges dashed; one colour a cycle.");
  }

  #band(band) {
    const series = [{ label: "Share, %" }];
    const table = [band.share_pct];
    if (band.lower_v) {
      series.push(line("lower", "#1f6f43", { width: 1 }), line("upper", "#1f6f43", { width: 1 }));
      table.push(band.lower_v, band.upper_v);
    }
    series.push(line("this cell", INK[0], { width: 2 }));
    table.push(band.voltage_v);
    this.plot("band", {
      scales: { x: { time: false } }, axes: [axis("Share of the first charge, %"), axis("Voltage, V")], series,
      bands: band.lower_v ? [{ series: [2, 1], fill: BAND }] : [],
    }, table);
    this.querySelector('[data-list="band"]')?.replaceChildren(...band.words.map((words) => {
      const item = document.createElement("li");
      item.textContent = words;
      item.toggleAttribute("data-alarm", true);
      return item;
    }));
    const because = band.baseline ? ` ${band.baseline}` : "";
    if (!band.lower_v) return this.say("band", `Only ${band.cells} other good cells ran under this protocol: no band yet.${because}`);
    if (band.provisional) {
      return this.say("band", `Provisional band of ${band.cells} cells, 20 are needed to judge: ${band.out_pct} % of the points lie outside.${because}`);
    }
    const bad = band.alarms.length > 0;
    const unseen = band.unseen.length ? ` Not looked for, as the records do not tell: ${band.unseen.join(", ")}.` : "";
    return this.say("band", `${bad ? "Not like" : "Like"} ${band.cells} good cells: ${band.out_pct} % of the points lie outside the band (10 % alarm), capacity ${band.capacity_z} sigma off.${unseen}`, bad);
  }

  #efficiency(ce) {
    const known = ce.ce_pct.filter((value) => value !== null);
    if (!known.length) return this.say("ce", "No cycle has an efficiency: a cut-off was not reached, or no verdict on it is recorded.");
    this.plot("ce", {
      scales: { x: { time: false, range: [0.5, Math.max(...ce.cycle) + 0.5] } },
      axes: [{ ...axis("Cycle"), incrs: [1, 2, 5, 10, 20, 50, 100] }, axis("Efficiency, %")],
      series: [{ label: "Cycle" }, line("efficiency", INK[0], { points: { show: true, size: 8 } })],
    }, [ce.cycle, ce.ce_pct]);
    return this.say("ce", `From ${known[0].toFixed(2)} % to ${known.at(-1).toFixed(2)} %; cycles without an efficiency are left out.`);
  }

  #incremental(curves) {
    const table = joined(curves.map((curve) => ({ x: curve.voltage_v, y: curve.dqdv_ah_v })));
    this.plot("dqdv", {
      scales: { x: { time: false } }, axes: [axis("Voltage, V"), axis("dQ/dV, Ah/V")],
      series: [{ label: "V" }, ...curves.map((curve, i) => line(curve.kind, INK[i], { dash: curve.kind === "discharge" ? [7, 4] : [], spanGaps: true }))],
    }, table);
    this.say("dqdv", "Of the largest charge and the largest discharge; the hold is left out.");
  }

  #nyquist(spectrum) {
    const curves = [{ x: spectrum.re_mohm, y: spectrum.minus_im_mohm }];
    const series = [{ label: "Re" }, line("measured", INK[0], { width: 0, points: { show: true, size: 7 } })];
    if (spectrum.fit?.accepted) {
      curves.push({ x: spectrum.fit.re_mohm, y: spectrum.fit.minus_im_mohm });
      series.push(line("fit", INK[1], { spanGaps: true }));
    }
    this.plot("nyquist", { scales: { x: { time: false } }, axes: [axis("Re Z, mΩ"), axis("−Im Z, mΩ")], series }, joined(curves));
    const intercept = spectrum.reached ? `Intercept ${spectrum.intercept_mohm} mΩ` : `Intercept not reached (${spectrum.intercept_mohm} mΩ at the highest frequency)`;
    const fit = !spectrum.fit ? "no fit" : spectrum.fit.accepted
      ? `fit Rs ${spectrum.fit.rs_mohm} mΩ, Rct ${spectrum.fit.rct_mohm} mΩ, residual ${spectrum.fit.residual_pct} %`
      : `fit not accepted, residual ${spectrum.fit.residual_pct} %`;
    this.say("nyquist", `${intercept}; ${fit}.`, !!spectrum.fit && !spectrum.fit.accepted);
  }
}

customElements.define("halite-formation", HaliteFormation);
