// What is open stays open when htmx exchanges the part of a page that changes.
(() => {
  let open = [];
  document.addEventListener("htmx:beforeSwap", () => {
    open = [...document.querySelectorAll("#live details[open]")].map((one) => one.id);
  });
  document.addEventListener("htmx:afterSwap", () => {
    for (const id of open) {
      const again = document.getElementById(id);
      if (again) again.open = true;
    }
  });
})();
