// J and K walk through the rows: of a list while the focus is among them, else from one
// row's page to the next.
(() => {
  const section = document.querySelector("section[aria-labelledby=rows]");
  const rows = [...section.querySelectorAll(".chat")];
  const next = document.querySelector("main h1 ~ nav a[rel=next]");
  const previous = document.querySelector("main h1 ~ nav a[rel=prev]");
  const alone = next || previous;

  (alone ? document : section).addEventListener("keydown", (event) => {
    if (event.target.matches("input, select, textarea")) return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const by = { j: 1, k: -1 }[event.key];
    if (!by) return;
    if (alone) return (by > 0 ? next : previous)?.click();
    const at = rows.findIndex((row) => row.contains(document.activeElement));
    const row = rows[Math.min(Math.max(at + by, 0), rows.length - 1)];
    if (row) row.focus();
  });
})();
