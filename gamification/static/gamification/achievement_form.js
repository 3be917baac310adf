// Shows the fields that the chosen criterion needs, and what they mean in words.
document.addEventListener("DOMContentLoaded", () => {
  "use strict";

  const criterion = document.querySelector("#id_criterion[data-needs]");
  if (!criterion) return;
  const needs = JSON.parse(criterion.dataset.needs);
  const fields = [...new Set(Object.values(needs).flat())];
  const address = document.querySelector("#gam-sentence").dataset.address;
  const words = document.querySelector("#gam-in-words");
  const input = (name) => document.querySelector(`#id_${name}`);
  let timer;
  let asked = 0;

  function choose() {
    for (const name of fields) {
      const isNeeded = !criterion.value || needs[criterion.value].includes(name);
      input(name).closest(".form-row").hidden = !isNeeded;
      // What is not sent is empty; a threshold always has to be something.
      if (name === "activity") input(name).disabled = !isNeeded;
    }
  }

  async function tell() {
    const values = ["criterion", ...fields].map((name) => [name, input(name).value]);
    const number = (asked += 1);
    const answer = await fetch(`${address}?${new URLSearchParams(values)}`);
    if (!answer.ok || number !== asked) return;
    words.textContent = (await answer.json()).sentence || "–";
  }

  function tellSoon() {
    clearTimeout(timer);
    timer = setTimeout(tell, 200);
  }

  words?.setAttribute("aria-live", "polite");
  criterion.addEventListener("change", choose);
  for (const name of ["criterion", ...fields]) {
    input(name).addEventListener("input", tellSoon);
  }
  choose();
});
