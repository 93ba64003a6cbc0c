/* What every page needs: menus and toasts (Alpine components), dialogs, the ticking site clock, words for failed requests. */
(() => {
  "use strict";

  document.addEventListener("alpine:init", () => {
    window.Alpine.data("menu", () => ({
      open: false,
      toggle() { this.open = !this.open; },
      close() { this.open = false; },
      get closed() { return !this.open; },
      get expanded() { return this.open ? "true" : "false"; },
    }));
    window.Alpine.data("toast", () => ({
      init() {
        if (this.$root.dataset.sticky !== "yes") setTimeout(() => this.dismiss(), 6000);
      },
      dismiss() { this.$root.remove(); },
    }));
  });

  function icon(name) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    svg.setAttribute("class", "icon");
    svg.setAttribute("aria-hidden", "true");
    use.setAttribute("href", `${document.body.dataset.icons}#${name}`);
    svg.append(use);
    return svg;
  }

  /** Show a message that stays until dismissed; used where the server could not render one. */
  function complain(words) {
    const area = document.getElementById("toasts");
    if (!area || [...area.children].some((card) => card.textContent.includes(words))) return;
    const card = document.createElement("div");
    card.className = "toast-card toast-card--error";
    card.setAttribute("role", "alert");
    card.setAttribute("x-data", "toast");
    card.dataset.sticky = "yes";
    const text = document.createElement("p");
    text.className = "toast-card__words";
    text.textContent = words;
    const close = document.createElement("button");
    close.type = "button";
    close.className = "btn btn-icon toast-card__close";
    close.setAttribute("aria-label", "Dismiss");
    close.setAttribute("x-on:click", "dismiss");
    close.append(icon("x"));
    card.append(icon("alert-octagon"), text, close);
    area.append(card);
  }

  document.addEventListener("htmx:response:error", (event) => {
    const status = event.detail.ctx.response.status;
    if (status >= 500) complain(`The server could not do this (${status}). What you entered is still here; try again.`);
  });
  document.addEventListener("htmx:error", (event) => {
    // Only a request that never got an answer; errors of the page's own scripts go to the console.
    if (event.detail.ctx && !event.detail.ctx.response) {
      complain("No answer from the server. What you entered is still here; try again.");
    }
  });

  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens]");
    if (opener) document.getElementById(opener.dataset.opens)?.showModal();
    const closer = event.target.closest("[data-closes]");
    if (closer) document.getElementById(closer.dataset.closes)?.close();
  });

  function openDialogsWithErrors(root) {
    root.querySelectorAll("dialog[data-open-on-load]").forEach((dialog) => dialog.open || dialog.showModal());
  }

  /** The site's clock may be offset from this machine's, so it advances from what the server said. */
  function startClock() {
    const clock = document.querySelector("[data-clock]");
    if (!clock) return;
    const stated = clock.getAttribute("datetime");
    const wallClock = Date.parse(`${stated.slice(0, 19)}Z`); // the site's local time, read as if it were UTC
    const startedAt = performance.now();
    const time = clock.querySelector("[data-clock-time]");
    setInterval(() => {
      const now = new Date(wallClock + performance.now() - startedAt);
      time.textContent = now.toISOString().slice(11, 19);
    }, 1000);
  }

  document.addEventListener("DOMContentLoaded", () => {
    startClock();
    openDialogsWithErrors(document);
  });
  document.addEventListener("htmx:after:swap", () => openDialogsWithErrors(document));
})();
