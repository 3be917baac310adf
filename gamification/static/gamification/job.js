// Runs the steps of a job until it ends. Without this script, each click runs one step.
(() => {
  "use strict";

  const PAUSE = 1000;
  const RETRY = 4000;

  const find = (root = document) => root.querySelector("#gam-job");
  const pause = (time) => new Promise((resolve) => setTimeout(resolve, time));

  // Both answers are the updated page. Users who may only view the job reload it.
  function requestUpdate(job) {
    const form = job.querySelector("form");
    const mayStep = form && job.dataset.state === "ready";
    return mayStep
      ? fetch(form.action, { method: "POST", body: new FormData(form) })
      : fetch(location.href);
  }

  function show(page) {
    const hadFocus = find().contains(document.activeElement);
    find().replaceWith(find(page));
    document.title = page.title;
    if (hadFocus) find().querySelector("[type=submit]")?.focus();
  }

  async function follow() {
    const status = document.querySelector("#gam-job-status");
    while (["ready", "busy"].includes(find().dataset.state)) {
      try {
        const response = await requestUpdate(find());
        const page = new DOMParser().parseFromString(await response.text(), "text/html");
        // The user has been logged out, or has lost the permission: show them that page.
        if (response.status < 500 && !find(page)) return location.reload();
        if (!response.ok) throw new Error(response.statusText);
        show(page);
        status.textContent = "";
        const isBusy = find().dataset.state === "busy" || !find().querySelector("form");
        if (isBusy) await pause(PAUSE);
      } catch {
        status.textContent = status.dataset.lost;
        await pause(RETRY);
      }
    }
    // Tell screen readers; others see the state above.
    status.classList.add("visually-hidden");
    status.textContent = document.querySelector("#gam-job-state").textContent;
  }

  follow();
})();
