// Adds and removes rows of conditions at once, and shows only the fields that fit.
document.addEventListener("DOMContentLoaded", () => {
  "use strict";

  const builder = document.querySelector("#id_conditions");
  if (!builder) return;
  const form = builder.closest("form");
  const own = document.querySelector("#id_counting");
  const criterion = form.elements.criterion;
  const row = (name) => form.querySelector(`[data-row="${name}"]`);

  function nextName(container, name) {
    const rows = [...container.children].filter((each) => each.dataset.row);
    const numbers = rows.map((each) => Number(each.dataset.row.split("-").at(-1)));
    return `${name}-${Math.max(-1, ...numbers) + 1}`;
  }

  function make(kind, name, depth) {
    const deep = kind === "any" ? `[data-depth="${depth}"]` : "";
    const blank = builder.querySelector(`template[data-blank="${kind}"]${deep}`);
    const made = document.createElement("template");
    made.innerHTML = blank.innerHTML.replaceAll("__name__", name);
    return made.content.firstElementChild;
  }

  function show(made) {
    fit();
    made.querySelector("select, input:not([type=hidden])").focus();
  }

  function addCondition(name) {
    const group = row(name);
    const kind = form.elements[`${name}-new`].value;
    const parts = group.querySelector("[data-parts]");
    const depth = Number(group.dataset.depth) + 1;
    const made = make(kind, nextName(parts, name), depth);
    parts.append(made);
    show(made);
  }

  function addFilter(name, button) {
    const filters = button.closest("[data-filters]");
    const made = make("filter", nextName(filters, `${name}-where`));
    button.before(made);
    show(made);
  }

  function remove(name) {
    const removed = row(name);
    const next = removed.parentElement.closest("fieldset, .gam-rule");
    removed.remove();
    [...next.querySelectorAll("[name=_rule]")].at(-1)?.focus();
  }

  function showOnly(part, fits) {
    part.hidden = !fits;
    const hidden = part.closest("[hidden]");
    for (const each of part.querySelectorAll("input, select, button")) {
      each.disabled = Boolean(hidden || each.closest("[hidden]"));
    }
  }

  // Offers the attributes of the chosen activity alone.
  function fitAttributes(part, activity) {
    for (const option of part.querySelectorAll("option[data-of]")) {
      const isOther = activity && !option.dataset.of.split(" ").includes(activity);
      option.hidden = option.disabled = isOther && !option.selected;
    }
  }

  function fit() {
    for (const part of own.querySelectorAll("[data-for]")) {
      showOnly(part, part.dataset.for.split(" ").includes(criterion.value));
    }
    for (const select of form.querySelectorAll("[data-measure]")) {
      const label = select.closest("div").querySelector("[data-measured]");
      label.hidden = select.value === "count";
    }
    for (const select of form.querySelectorAll("[data-kind]")) {
      const label = select.closest("div").querySelector("[data-least]");
      label.hidden = select.value !== "at_least";
    }
    fitAttributes(own, form.elements.activity.value);
    for (const select of builder.querySelectorAll("[data-activity]")) {
      fitAttributes(select.closest("fieldset"), select.value);
    }
  }

  form.addEventListener("click", (event) => {
    const button = event.target.closest("button[name=_rule]");
    if (!button) return;
    event.preventDefault();
    const [act, name] = button.value.split(":");
    if (act === "add") addCondition(name);
    else if (act === "filter") addFilter(name, button);
    else remove(name);
    fit();
    form.dispatchEvent(new Event("input"));
  });
  form.addEventListener("change", fit);
  fit();
});
