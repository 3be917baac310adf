// Shows the fields that the chosen criterion needs, and a sentence that explains it.
// Typing an icon also selects the radio button for a typed one.
document.addEventListener("DOMContentLoaded", () => {
  "use strict";

  const criterion = document.querySelector("#id_criterion[data-needs]");
  if (!criterion) return;
  const needs = JSON.parse(criterion.dataset.needs);
  const fields = [...new Set(Object.values(needs).flat())];
  const address = document.querySelector("#gam-sentence").dataset.address;
  const sentence = document.querySelector("#gam-in-words");
  const CONTROLS = "input, select, button";
  const input = (name) => document.querySelector(`#id_${name}`);
  let timer;
  let requests = 0;

  function showNeededFields() {
    for (const name of fields) {
      const isNeeded = !criterion.value || needs[criterion.value].includes(name);
      input(name).closest(".form-row").hidden = !isNeeded;
      // A disabled field is sent empty. The threshold must never be empty.
      if (name === "threshold") continue;
      for (const each of [input(name), ...input(name).querySelectorAll(CONTROLS)]) {
        each.disabled = !isNeeded;
      }
    }
  }

  async function updateSentence() {
    const body = new FormData(criterion.form);
    body.delete("icon-upload");
    const number = (requests += 1);
    const response = await fetch(address, { method: "POST", body });
    if (!response.ok || number !== requests) return;
    sentence.textContent = (await response.json()).sentence || "–";
  }

  function updateSentenceSoon() {
    clearTimeout(timer);
    timer = setTimeout(updateSentence, 200);
  }

  for (const text of document.querySelectorAll("[data-selects]")) {
    const button = document.getElementById(text.dataset.selects);
    text.addEventListener("input", () => (button.checked = true));
  }
  sentence?.setAttribute("aria-live", "polite");
  criterion.addEventListener("change", showNeededFields);
  criterion.form.addEventListener("input", updateSentenceSoon);
  showNeededFields();
});
