/* Completes and reopens KPIs without a reload. Without this script, the forms do. */

async function renew(place) {
  const answer = await fetch(place.dataset.fragment);
  if (answer.ok) place.innerHTML = await answer.text();
}

async function send(form) {
  const headers = { "X-Requested-With": "fetch" };
  const answer = await fetch(form.action, {
    method: "POST",
    body: new FormData(form),
    headers,
  });
  if (!answer.ok || answer.redirected) throw new Error(`${answer.status}`);
  const row = document.createElement("template");
  row.innerHTML = await answer.text();
  return row.content.querySelector("[data-kpi]");
}

function show(form, row) {
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
