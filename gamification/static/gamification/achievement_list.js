// Moves achievements in their list, by dragging or by the arrow buttons. Saving the list
// stores the order. Without this script, the arrow buttons save the list themselves.
document.addEventListener("DOMContentLoaded", () => {
  "use strict";

  const ENDS = ["pointerup", "pointercancel"];
  const status = document.querySelector("#gam-unsaved");
  const rows = () =>
    [...document.querySelectorAll("#result_list tbody tr")].filter((row) =>
      row.querySelector(".gam-move"),
    );
  if (!status || !rows().length) return;
  const field = (row) => row.querySelector(".field-position input:not([type=hidden])");

  let isUnsaved = false;

  // Gives the rows their positions in the new order, without duplicates.
  function renumber() {
    const positions = rows().map((row) => Number(field(row).value));
    positions.sort((one, other) => one - other);
    let last = -Infinity;
    rows().forEach((row, index) => {
      last = Math.max(positions[index], last + 1);
      field(row).value = last;
      const [up, down] = row.querySelectorAll(".gam-move");
      up.disabled = index === 0;
      down.disabled = index === rows().length - 1;
    });
    status.textContent = status.dataset.text;
    isUnsaved = true;
  }

  function askBeforeLeaving(event) {
    if (isUnsaved) event.preventDefault();
  }

  function moveByArrow(event) {
    const button = event.target.closest(".gam-move");
    if (!button) return;
    event.preventDefault();
    const row = button.closest("tr");
    const all = rows();
    const index = all.indexOf(row);
    if (button.value.endsWith(":up")) all[index - 1].before(row);
    else all[index + 1].after(row);
    renumber();
    const [up, down] = row.querySelectorAll(".gam-move");
    (button.disabled ? [up, down].find((each) => !each.disabled) : button).focus();
  }

  function drag(event) {
    event.preventDefault();
    const row = event.currentTarget.closest("tr");
    const before = rows().indexOf(row);
    row.classList.add("gam-dragged");

    function follow({ clientX, clientY }) {
      const over = document.elementFromPoint(clientX, clientY)?.closest("tr");
      if (!over || over === row || !rows().includes(over)) return;
      const { top, height } = over.getBoundingClientRect();
      if (clientY < top + height / 2) over.before(row);
      else over.after(row);
    }

    function drop() {
      document.removeEventListener("pointermove", follow);
      for (const end of ENDS) document.removeEventListener(end, drop);
      row.classList.remove("gam-dragged");
      if (rows().indexOf(row) !== before) renumber();
    }

    // The handle stops receiving pointer events when it moves with its row.
    document.addEventListener("pointermove", follow);
    for (const end of ENDS) document.addEventListener(end, drop);
  }

  for (const row of rows()) {
    const handle = document.createElement("span");
    handle.className = "gam-handle";
    handle.title = status.dataset.handle;
    handle.textContent = "⠿";
    handle.setAttribute("aria-hidden", "true");
    handle.addEventListener("pointerdown", drag);
    row.querySelector(".field-moves").prepend(handle);
  }
  document.querySelector("#result_list").addEventListener("click", moveByArrow);
  window.addEventListener("beforeunload", askBeforeLeaving);
  field(rows()[0]).form.addEventListener("submit", () => {
    isUnsaved = false;
  });
});
