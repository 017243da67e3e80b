// Buttons that copy the text of an element or the address of a link. They are hidden
// until this script runs; everything they copy stands on the page as well.
(() => {
  const said = document.createElement("p");
  said.className = "hidden-visually";
  said.setAttribute("role", "status");
  document.querySelector("main").append(said);

  for (const button of document.querySelectorAll(".copy[data-copy]")) {
    const source = document.getElementById(button.dataset.copy);
    if (!source || !navigator.clipboard) continue;
    const words = button.textContent;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(source.href || source.innerText);
      button.textContent = said.textContent = "Copied";
      setTimeout(() => { button.textContent = words; said.textContent = ""; }, 2000);
    });
  }
})();
