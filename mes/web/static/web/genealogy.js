/* <halite-genealogy data-url="…" | data-json="ID">: ancestors on the left, descendants on the right.
 *
 * JSON
 * {
 *   "nodes": [{"id": "…", "code": "R-2041", "kind": "mother_roll", "kind_label": "Mother roll", "label": "1,200 m" | "",
 *              "held": bool, "voided": bool, "url": "/lots/R-2041/"}],
 *   "links": [{"source": id of the parent, "target": id of the child, "label": "120–268 m" | "", "voided": bool}],
 *   "focus": id | null,
 *   "truncated": "words saying what was left out" | ""
 * }
 * Event  halite:node (bubbles): detail {id, code, url}: a lot was chosen in the graph.
 * The list under the graph holds the same lots, parents before children, reachable by keyboard.
 */

const COLORS = {
  raw: "#5b6b7a", slurry: "#7a5a12", mother_roll: "#24466f", daughter_roll: "#1d5ea8",
  electrolyte: "#6c47a0", cell_lot: "#0b5d74", cell: "#18713f",
};
// Cytoscape adds a <style> element unless one with this id exists, which Content Security Policy would refuse.
// .genealogy__canvas already has the one rule in it (position: relative).
const CYTOSCAPE_STYLE_ID = "__________cytoscape_stylesheet";

const NAME_ALL_LINKS = 12; // beyond this the words on the links would cover each other

const STYLE = [
  { selector: "node", style: {
    shape: "round-rectangle", width: 176, height: 54, "background-color": "#fff", "border-width": 2, "border-color": "data(color)",
    label: "data(words)", "text-wrap": "wrap", "text-valign": "center", "text-halign": "center", "font-size": 13, "font-weight": 600,
    "font-family": "system-ui, Segoe UI, Roboto, Noto Sans, sans-serif", color: "#16202a", "line-height": 1.25, "text-max-width": 170,
  } },
  { selector: "node[?focus]", style: { "background-color": "data(color)", color: "#fff", "border-width": 5, "border-color": "#0b5d74" } },
  { selector: "node[?held]", style: { "border-color": "#b3261e", "border-width": 5, "background-color": "#fdeceb", color: "#7d1610" } },
  { selector: "node[?held][?focus]", style: { "background-color": "#b3261e", color: "#fff", "border-color": "#5c0f0a" } },
  { selector: "node[?voided]", style: { "border-style": "dashed", "border-color": "#8a97a5", color: "#566372", "background-color": "#edf0f3" } },
  { selector: "node:selected", style: { "underlay-color": "#0b5d74", "underlay-opacity": 0.3, "underlay-padding": 8 } },
  { selector: "edge", style: {
    width: 2, "line-color": "#8a97a5", "target-arrow-color": "#8a97a5", "target-arrow-shape": "triangle", "curve-style": "bezier",
    "font-size": 12, "text-rotation": "autorotate", color: "#465361", "text-background-color": "#f6f8f9", "text-background-opacity": 1, "text-background-padding": 2,
  } },
  { selector: "edge.named", style: { label: "data(label)" } },
  { selector: "edge[?voided]", style: { "line-style": "dashed" } },
];

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function button(words, act) {
  const made = element("button", "btn", words);
  made.type = "button";
  made.addEventListener("click", act);
  return made;
}

/** The state of a lot in words, so that colour is never the only sign. */
function stateWords(node) {
  return [node.held && "HELD", node.voided && "VOIDED"].filter(Boolean).join(", ");
}

/** Parents before children; what a cycle would hide comes last. */
function inOrder(nodes, links) {
  const waiting = new Map(nodes.map((node) => [node.id, 0]));
  const children = new Map(nodes.map((node) => [node.id, []]));
  for (const { source, target } of links) {
    if (!waiting.has(source) || !waiting.has(target)) continue;
    waiting.set(target, waiting.get(target) + 1);
    children.get(source).push(target);
  }
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const ready = nodes.filter((node) => waiting.get(node.id) === 0).map((node) => node.id);
  const ordered = [];
  for (let next = 0; next < ready.length; next += 1) {
    ordered.push(byId.get(ready[next]));
    for (const child of children.get(ready[next])) {
      waiting.set(child, waiting.get(child) - 1);
      if (waiting.get(child) === 0) ready.push(child);
    }
  }
  return ordered.concat(nodes.filter((node) => !ordered.includes(node)));
}

class HaliteGenealogy extends HTMLElement {
  #graph = null;
  #fetching = null;

  connectedCallback() {
    this.bar = element("div", "genealogy__bar");
    this.canvas = element("div", "genealogy__canvas");
    this.canvas.setAttribute("aria-hidden", "true"); // the list says the same
    this.chosen = element("div", "genealogy__chosen");
    this.list = element("details", "genealogy__list");
    this.replaceChildren(this.bar, this.canvas, this.list);
    this.#load();
  }

  disconnectedCallback() {
    this.#fetching?.abort();
    this.#graph?.destroy();
    this.#graph = null;
    this.replaceChildren();
  }

  async #load() {
    this.#say("Loading the genealogy");
    this.#fetching = new AbortController();
    try {
      this.#show(await this.#json());
    } catch (error) {
      if (error.name === "AbortError") return;
      this.#say(`The genealogy could not be loaded: ${error.message}.`, button("Try again", () => this.#load()));
    }
  }

  async #json() {
    if (this.dataset.json) return JSON.parse(document.getElementById(this.dataset.json).textContent);
    const answer = await fetch(this.dataset.url, { signal: this.#fetching.signal, headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    return answer.json();
  }

  #say(words, ...more) {
    const message = element("div", "genealogy__message");
    const text = element("div", "", words);
    text.append(...more);
    message.append(text);
    this.canvas.removeAttribute("aria-hidden");
    this.canvas.replaceChildren(message);
  }

  #show({ nodes, links, focus, truncated }) {
    if (!nodes.length) {
      this.#say("This lot has neither parents nor children yet.");
      return;
    }
    this.canvas.replaceChildren();
    this.canvas.setAttribute("aria-hidden", "true");
    if (!document.getElementById(CYTOSCAPE_STYLE_ID)) {
      const stand = document.createElement("meta");
      stand.id = CYTOSCAPE_STYLE_ID;
      document.head.append(stand);
    }
    this.#graph = window.cytoscape({
      container: this.canvas,
      elements: {
        nodes: nodes.map((node) => ({ data: {
          ...node, color: COLORS[node.kind] ?? "#566372", focus: node.id === focus,
          words: [stateWords(node) ? `${stateWords(node)} · ${node.code}` : node.code, [node.kind_label, node.label].filter(Boolean).join(" · ")].filter(Boolean).join("\n"),
        } })),
        edges: links.map((link) => ({ data: { ...link, label: link.label ?? "" } })),
      },
      style: STYLE,
      layout: { name: "dagre", rankDir: "LR", nodeSep: 22, rankSep: 90, fit: true, padding: 24, animate: false },
      minZoom: 0.05,
      maxZoom: 2.5,
      autoungrabify: true,
      boxSelectionEnabled: false,
    });
    this.#graph.on("tap", "node", (event) => this.#choose(event.target.data()));
    if (links.length <= NAME_ALL_LINKS) this.#graph.edges().addClass("named");
    else this.#nameLinksOf(focus);
    const tools = [
      button("Fit", () => this.#graph.fit(undefined, 24)),
      button("Zoom in", () => this.#zoom(1.4)),
      button("Zoom out", () => this.#zoom(1 / 1.4)),
    ];
    if (focus != null) tools.push(button("This lot", () => this.#center(focus)));
    this.bar.replaceChildren(...tools, this.chosen);
    if (truncated) this.bar.after(element("p", "genealogy__note", truncated));
    if (focus != null && this.#graph.zoom() < 0.5) this.#center(focus); // a large graph fitted whole cannot be read
    this.#fillList(nodes, links);
  }

  #zoom(factor) {
    const graph = this.#graph;
    graph.zoom({ level: graph.zoom() * factor, renderedPosition: { x: graph.width() / 2, y: graph.height() / 2 } });
  }

  #center(id) {
    this.#graph.zoom(1);
    this.#graph.center(this.#graph.getElementById(String(id)));
  }

  #nameLinksOf(id) {
    this.#graph.edges().removeClass("named");
    this.#graph.getElementById(String(id)).connectedEdges().addClass("named");
  }

  #choose(node) {
    if (this.#graph.edges().length > NAME_ALL_LINKS) this.#nameLinksOf(node.id);
    const words = element("span", "", `${node.code}${node.kind_label ? `, ${node.kind_label}` : ""}${stateWords(node) ? `, ${stateWords(node)}` : ""}`);
    const open = element("a", "btn btn-primary", `Open ${node.code}`);
    open.href = node.url;
    this.chosen.replaceChildren(words, open);
    this.dispatchEvent(new CustomEvent("halite:node", { bubbles: true, detail: { id: node.id, code: node.code, url: node.url } }));
  }

  #fillList(nodes, links) {
    const parents = new Map();
    const codes = new Map(nodes.map((node) => [node.id, node.code]));
    for (const { source, target } of links) parents.set(target, [...(parents.get(target) ?? []), codes.get(source)]);
    const items = inOrder(nodes, links).map((node) => {
      const item = element("li");
      const link = element("a", "", node.code);
      link.href = node.url;
      const from = parents.get(node.id);
      const state = stateWords(node);
      item.append(link, ` ${[node.kind_label ?? node.kind, node.label, state, from && `from ${from.join(", ")}`].filter(Boolean).join(", ")}`);
      return item;
    });
    const list = element("ol");
    list.append(...items);
    this.list.replaceChildren(element("summary", "", `As a list (${nodes.length} lots)`), list);
  }
}

customElements.define("halite-genealogy", HaliteGenealogy);
