/* The operator's station: scanning, big decimal inputs, drafts that survive a reload, idempotent submission.
 *
 * Markup
 *   <form data-scan-form><input data-scan-input> … <output data-scan-last></form>
 *   <form data-draft="USER:EXECUTION:STEP" hx-post="…"> … </form>
 *     data-draft names the draft on this terminal: the same name restores the same values. Include the user,
 *     so that nobody inherits another's readings. Passwords and files are never kept.
 *     <span data-draft-note hidden> is revealed when values were restored.
 *
 * Each draft carries one Idempotency-Key, sent as a header (htmx) and as the field `idempotency_key` (plain post),
 * so that a repeated submission has one effect. It ends with the draft: on a 2xx answer, or when the server
 * renders an element [data-draft-recorded="NAME"].
 */
(() => {
  "use strict";

  const PREFIX = "halite:draft:";
  const LAST_SCAN = "halite:last-scan";
  const SCAN_GAP_MS = 35; // hardware scanners send a key every 1 to 20 ms; fast typists need over 60 ms
  const SCAN_LENGTH = 5;

  // --- Drafts -------------------------------------------------------------------------------------------------
  const stored = (name) => {
    try { return JSON.parse(localStorage.getItem(PREFIX + name)) || null; } catch { return null; }
  };

  function store(name, draft) {
    try { localStorage.setItem(PREFIX + name, JSON.stringify(draft)); } catch { /* storage full or refused: the form still works */ }
  }

  // crypto.randomUUID exists in secure contexts only; a plant's intranet may be plain HTTP.
  function newKey() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  const kept = (field) => field.name && !["password", "file", "hidden", "submit", "button"].includes(field.type);

  function valuesOf(form) {
    const values = {};
    for (const field of form.elements) {
      if (!kept(field)) continue;
      if (field.type === "checkbox") (values[field.name] ??= []).push(field.checked);
      else if (field.type === "radio") { if (field.checked) values[field.name] = field.value; }
      else (values[field.name] ??= []).push(field.value);
    }
    return values;
  }

  function fill(form, values) {
    const seen = {};
    let changed = false;
    for (const field of form.elements) {
      if (!kept(field) || !(field.name in values)) continue;
      const before = field.type === "checkbox" || field.type === "radio" ? field.checked : field.value;
      if (field.type === "radio") field.checked = values[field.name] === field.value;
      else {
        const value = values[field.name][(seen[field.name] = (seen[field.name] ?? -1) + 1)];
        if (value === undefined) continue;
        if (field.type === "checkbox") field.checked = value;
        else field.value = value;
      }
      const after = field.type === "checkbox" || field.type === "radio" ? field.checked : field.value;
      changed ||= before !== after;
    }
    return changed;
  }

  function keyOf(form) {
    const draft = stored(form.dataset.draft) ?? { key: newKey(), values: {} };
    store(form.dataset.draft, draft);
    return draft.key;
  }

  function writeKey(form) {
    let field = form.querySelector("input[name=idempotency_key]");
    if (!field) {
      field = Object.assign(document.createElement("input"), { type: "hidden", name: "idempotency_key" });
      form.append(field);
    }
    field.value = keyOf(form);
  }

  function adopt(form) {
    if (form.dataset.draftReady) return;
    form.dataset.draftReady = "yes";
    const draft = stored(form.dataset.draft);
    if (draft && fill(form, draft.values)) {
      form.querySelector("[data-draft-note]")?.removeAttribute("hidden");
      // The server judges restored values as if they had just been typed; htmx starts in a timer set before this one.
      setTimeout(() => {
        for (const field of form.elements) {
          if (kept(field) && field.value && field.hasAttribute("hx-post")) field.dispatchEvent(new Event("change", { bubbles: true }));
        }
      });
    }
    writeKey(form);
  }

  function forget(name) {
    localStorage.removeItem(PREFIX + name);
    document.querySelectorAll("form[data-draft]").forEach((form) => { if (form.dataset.draft === name) writeKey(form); });
  }

  document.addEventListener("input", (event) => {
    const form = event.target.form;
    if (form?.dataset.draft) store(form.dataset.draft, { key: keyOf(form), values: valuesOf(form) });
  });

  const isSubmission = (ctx) => ctx.sourceElement.matches?.("form[data-draft]");

  document.addEventListener("htmx:config:request", (event) => {
    const { ctx } = event.detail;
    if (isSubmission(ctx)) ctx.request.headers["Idempotency-Key"] = keyOf(ctx.sourceElement);
  });

  document.addEventListener("htmx:after:request", (event) => {
    const { ctx } = event.detail;
    if (isSubmission(ctx) && ctx.response.status >= 200 && ctx.response.status < 300) forget(ctx.sourceElement.dataset.draft);
  });

  // --- Pressing -----------------------------------------------------------------------------------------------
  // Pressing a button leaves the field, which is judged then. A verdict that appeared under the finger would move the
  // button away, and the tap would be lost: it waits until the press has ended, and is asked for again if that was no tap.
  let pressed = null;
  const heldBack = new Set();

  document.addEventListener("pointerdown", (event) => { pressed = event.target.closest("form[data-draft] button"); });

  document.addEventListener("htmx:before:swap", (event) => {
    const { ctx } = event.detail;
    if (!pressed || isSubmission(ctx) || ctx.sourceElement.form !== pressed.form) return;
    heldBack.add(ctx.sourceElement);
    event.preventDefault();
  });

  function release(event) {
    const tapped = event.type === "pointerup" && pressed?.contains(event.target);
    pressed = null;
    if (!tapped) heldBack.forEach((field) => field.dispatchEvent(new Event("change", { bubbles: true })));
    heldBack.clear();
  }
  document.addEventListener("pointerup", release);
  document.addEventListener("pointercancel", release);

  // --- Scanning -----------------------------------------------------------------------------------------------
  const scanInput = () => document.querySelector("[data-scan-input]");

  function showLastScan() {
    const last = sessionStorage.getItem(LAST_SCAN);
    if (last) document.querySelectorAll("[data-scan-last]").forEach((output) => { output.textContent = last; });
  }

  function focusScan() {
    const input = scanInput();
    const idle = document.activeElement === document.body || document.activeElement === null;
    const selecting = String(getSelection()) !== ""; // focusing would drop the selection
    if (input && idle && !selecting && !document.querySelector("dialog[open]")) input.focus({ preventScroll: true });
  }

  function openScan(code) {
    const input = scanInput();
    if (!input) return;
    input.value = code;
    input.form.requestSubmit();
  }

  const burst = { text: "", at: 0, field: null, before: "" };

  /* A scan may arrive while a reading has the focus. A burst of keys faster than fingers that ends with Enter is
     a scan: the reading gets its former value back and the code goes to the scan field. */
  document.addEventListener("keydown", (event) => {
    const field = event.target.closest?.("input, textarea");
    if (document.querySelector("dialog[open]") || field === scanInput()) return;
    if (event.key === "Enter") {
      const scanned = burst.text.length >= SCAN_LENGTH && event.timeStamp - burst.at <= SCAN_GAP_MS && scanInput();
      if (scanned) {
        event.preventDefault();
        if (burst.field) {
          burst.field.value = burst.before;
          burst.field.dispatchEvent(new Event("input", { bubbles: true }));
        }
        openScan(burst.text);
      } else if (field?.matches("[inputmode=decimal]")) {
        event.preventDefault(); // Enter goes on to the next reading; only the button submits
        const all = [...field.form.querySelectorAll("input:not([type=hidden]), select, textarea, button[type=submit]")];
        all[all.indexOf(field) + 1]?.focus();
      }
      burst.text = "";
      return;
    }
    if (event.key.length !== 1 || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.timeStamp - burst.at > SCAN_GAP_MS || burst.field !== (field ?? null)) {
      Object.assign(burst, { text: "", field: field ?? null, before: field?.value ?? "" });
    }
    burst.text += event.key;
    burst.at = event.timeStamp;
  });

  document.addEventListener("submit", (event) => {
    if (event.target.matches("[data-scan-form]")) {
      const input = event.target.querySelector("[data-scan-input]");
      input.value = input.value.trim();
      if (!input.value) { event.preventDefault(); return; }
      sessionStorage.setItem(LAST_SCAN, input.value);
      showLastScan();
    } else if (event.target.dataset?.draft) writeKey(event.target);
  }, true);

  // A reading is selected when it gets the focus, so that typing replaces it.
  document.addEventListener("focusin", (event) => {
    if (event.target.matches("[inputmode=decimal]")) event.target.select();
  });

  function ready() {
    document.querySelectorAll("[data-draft-recorded]").forEach((mark) => forget(mark.dataset.draftRecorded));
    document.querySelectorAll("form[data-draft]").forEach(adopt);
    showLastScan();
    focusScan();
  }

  document.addEventListener("DOMContentLoaded", ready);
  document.addEventListener("htmx:after:swap", ready);
  // Not after a touch: it would open the on-screen keyboard; scans are caught without the focus too.
  document.addEventListener("pointerup", (event) => { if (event.pointerType !== "touch") setTimeout(focusScan, 0); });
})();
