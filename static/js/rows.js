// J and K walk through the rows, while the focus is among them.
(() => {
  const section = document.querySelector("section[aria-labelledby=rows]");
  const rows = [...section.querySelectorAll(".chat")];

  section.addEventListener("keydown", (event) => {
    if (event.target.matches("input, select")) return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const by = { j: 1, k: -1 }[event.key];
    if (!by) return;
    const at = rows.findIndex((row) => row.contains(document.activeElement));
    const row = rows[Math.min(Math.max(at + by, 0), rows.length - 1)];
    if (row) row.focus();
  });
})();
