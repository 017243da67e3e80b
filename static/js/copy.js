// Buttons that copy the text of an element or the address of a link. They show once this
// script runs where copying is allowed; everything they copy stands on the page as well.
(() => {
  if (!navigator.clipboard) return;
  document.documentElement.classList.add("copies");
  const said = document.createElement("p");
  said.className = "hidden-visually";
  said.setAttribute("role", "status");
  document.querySelector("main").append(said);

  document.addEventListener("click", async (event) => {
    const button = event.target.closest(".copy[data-copy]");
    const source = button && document.getElementById(button.dataset.copy);
    if (!source) return;
    const words = button.dataset.words ??= button.textContent;
    await navigator.clipboard.writeText(source.href || source.innerText);
    button.textContent = said.textContent = "Copied";
    setTimeout(() => { button.textContent = words; said.textContent = ""; }, 2000);
  });
})();
