/* What was typed into a form survives an idle logout, a reload and a closed tab, for the person who typed it.
 *
 * Every posting form of a page is kept but those with data-draft (the station keeps its own, with idempotency keys),
 * data-no-keep, or nothing to type. Passwords, files and hidden fields are never stored. What was posted is forgotten when
 * the next page shows no error; a login page in between says that the post did not arrive.
 */
(() => {
  "use strict";

  const PREFIX = "halite:kept:";
  const TYPED = "input:not([type]), input[type=text], input[type=search], input[type=date], input[type=datetime-local], textarea, select, input[type=radio], input[type=checkbox]";
  const OLDEST_MS = 7 * 86400e3;
  const who = document.body.dataset.user ?? "";

  const read = (name) => { try { return JSON.parse(localStorage.getItem(name)); } catch { return null; } };
  function write(name, kept) {
    try { localStorage.setItem(name, JSON.stringify(kept)); } catch { /* storage full or refused: the form still works */ }
  }
  const names = () => Object.keys(localStorage).filter((name) => name.startsWith(PREFIX));
  const fieldsOf = (form) => [...form.elements].filter((field) => field.name && field.matches(TYPED));

  function nameOf(form) {
    const kind = [...form.querySelectorAll("input[type=hidden]")]
      .filter((field) => !["csrfmiddlewaretoken", "key"].includes(field.name))
      .map((field) => `${field.name}=${field.value}`).join("&");
    return `${PREFIX}${who}:${location.pathname}:${form.getAttribute("action") ?? ""}:${kind}`;
  }

  const valueOf = (field) => (["radio", "checkbox"].includes(field.type) ? field.checked : field.value);

  function keep(form) {
    write(nameOf(form), { at: Date.now(), posted: false, values: fieldsOf(form).map((field) => [field.name, valueOf(field)]) });
  }

  /** Put kept values back; whether anything differs from what the server rendered. */
  function restore(form, kept) {
    const fields = fieldsOf(form);
    if (fields.length !== kept.values.length) return false;
    let changed = false;
    fields.forEach((field, index) => {
      const [name, value] = kept.values[index];
      if (field.name !== name || valueOf(field) === value) return;
      changed = true;
      if (["radio", "checkbox"].includes(field.type)) field.checked = value; else field.value = value;
    });
    return changed;
  }

  function tell(form) {
    const note = document.createElement("p");
    note.className = "note";
    note.setAttribute("role", "status");
    note.textContent = "What you had typed here is back; it was not sent.";
    form.prepend(note);
  }

  if (!who) {
    // The login page: what had been posted has not arrived.
    for (const name of names()) { const kept = read(name); if (kept) write(name, { ...kept, posted: false }); }
    return;
  }

  const refused = document.querySelector("main .banner--error, main .field__error") !== null;
  for (const name of names()) {
    const kept = read(name);
    if (!kept || kept.at < Date.now() - OLDEST_MS || (kept.posted && !refused && name.startsWith(`${PREFIX}${who}:`))) localStorage.removeItem(name);
  }
  for (const form of document.querySelectorAll("main form[method=post]:not([data-draft]):not([data-no-keep])")) {
    if (!fieldsOf(form).length) continue;
    const kept = read(nameOf(form));
    if (kept && restore(form, kept)) tell(form);
    form.addEventListener("input", () => keep(form));
    form.addEventListener("change", () => keep(form));
    form.addEventListener("submit", () => {
      const now = read(nameOf(form));
      if (now) write(nameOf(form), { ...now, posted: true });
    });
  }
})();
