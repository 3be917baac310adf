// Steps a job until it is over. The page works without this, one step at a click.
(() => {
  "use strict";

  const PAUSE = 1000;
  const TRY_AGAIN = 4000;

  const find = (root = document) => root.querySelector("#gam-job");
  const pause = (time) => new Promise((resolve) => setTimeout(resolve, time));

  // The answer is the page as it is then, also for who may only look.
  function ask(job) {
    const form = job.querySelector("form");
    const mayStep = form && job.dataset.state === "ready";
    return mayStep
      ? fetch(form.action, { method: "POST", body: new FormData(form) })
      : fetch(location.href);
  }

  function show(page) {
    const had = find().contains(document.activeElement);
    find().replaceWith(find(page));
    document.title = page.title;
    if (had) find().querySelector("[type=submit]")?.focus();
  }

  async function follow() {
    const news = document.querySelector("#gam-job-news");
    while (["ready", "busy"].includes(find().dataset.state)) {
      try {
        const answer = await ask(find());
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        // Whoever was logged out, or may no longer do it, is shown that.
        if (answer.status < 500 && !find(page)) return location.reload();
        if (!answer.ok) throw new Error(answer.statusText);
        show(page);
        news.textContent = "";
        const isBusy = find().dataset.state === "busy" || !find().querySelector("form");
        if (isBusy) await pause(PAUSE);
      } catch {
        news.textContent = news.dataset.lost;
        await pause(TRY_AGAIN);
      }
    }
    // The eye sees it above.
    news.classList.add("visually-hidden");
    news.textContent = document.querySelector("#gam-job-state").textContent;
  }

  follow();
})();
