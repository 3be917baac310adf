/* Completes and reopens KPIs without a reload. Without this script, the forms do. */

const turns = new WeakMap();

/** Ask for a piece again; of two answers that cross, the later request counts. */
async function renew(place) {
  const turn = Symbol();
  turns.set(place, turn);
  const answer = await fetch(place.dataset.fragment);
  const piece = await answer.text();
  if (answer.ok && turns.get(place) === turn) place.innerHTML = piece;
}

async function send(form) {
  const headers = { "X-Requested-With": "fetch" };
  const answer = await fetch(form.action, {
    method: "POST",
    body: new FormData(form),
    headers,
  });
  if (!answer.ok || answer.redirected) throw new Error(`${answer.status}`);
  const changed = document.createElement("template");
  changed.innerHTML = await answer.text();
  return changed.content;
}

function show(form, changed) {
  const [row, count] = changed.querySelectorAll("[data-kpi], [data-count]");
  form.closest("[data-vision]").querySelector("[data-count]").replaceWith(count);
  form.closest("[data-kpi]").replaceWith(row);
  row.querySelector("button").focus();
  const brought = [...row.querySelectorAll(".gamification-xp li")];
  const said = document.querySelector("[data-said]");
  said.textContent = brought.map((item) => item.textContent).join(", ");
  document.querySelectorAll("[data-fragment]").forEach(renew);
  document.dispatchEvent(new Event("gamification:check"));
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("[data-live]")) return;
  event.preventDefault();
  form.querySelector("button").disabled = true;
  try {
    show(form, await send(form));
  } catch {
    form.submit();
  }
});
