// Runs the steps of a job once staff have asked for it, and follows the job otherwise.
// Without this script, each click runs one step.
(() => {
  "use strict";

  const PAUSE = 1000;
  const RETRY = 4000;

  const find = (root = document) => root.querySelector("#gam-job");
  const stepForm = () => find().querySelector("#gam-step");
  const pause = (time) => new Promise((resolve) => setTimeout(resolve, time));
  const isOpen = () => ["ready", "busy"].includes(find().dataset.state);

  let mayRun = "runs" in find().dataset;
  let isFollowing = false;

  function show(page) {
    const focused = document.activeElement;
    const label = find().contains(focused) ? focused.value : null;
    find().replaceWith(find(page));
    const after = "#gam-job-after";
    document.querySelector(after).replaceWith(page.querySelector(after));
    document.title = page.title;
    if (label === null) return;
    const buttons = [...find().querySelectorAll("[type=submit]")];
    (buttons.find((button) => button.value === label) ?? buttons[0])?.focus();
  }

  // The server answers both requests with the updated page.
  async function update(step) {
    const response = await (step
      ? fetch(step.action, { method: "POST", body: new FormData(step) })
      : fetch(location.href));
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    // The user has been logged out, or has lost the permission: show them that page.
    if (response.status < 500 && !find(page)) return location.reload();
    if (!response.ok) throw new Error(response.statusText);
    show(page);
  }

  async function follow(isClicked) {
    if (isFollowing) return;
    isFollowing = true;
    const status = document.querySelector("#gam-job-status");
    let mustStep = isClicked;
    while (mustStep || isOpen()) {
      const isReady = mustStep || find().dataset.state === "ready";
      const step = mayRun && isReady ? stepForm() : null;
      mustStep = false;
      try {
        await update(step);
        status.textContent = "";
        if (!step || find().dataset.state === "busy") await pause(PAUSE);
      } catch {
        status.textContent = status.dataset.lost;
        await pause(RETRY);
      }
    }
    isFollowing = false;
    // Tell screen readers; others see the state above.
    status.classList.add("visually-hidden");
    status.textContent = document.querySelector("#gam-job-state").textContent;
  }

  document.addEventListener("submit", (event) => {
    if (event.target !== stepForm()) return;
    event.preventDefault();
    mayRun = true;
    follow(true);
  });

  if (isOpen()) follow(false);
})();
