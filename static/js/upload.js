// Real progress while a file is sent, and dropping a file on the form. Without this
// script the same form uploads as any form does.
(() => {
  const form = document.getElementById("upload");
  const input = document.getElementById("id_file");
  const drop = form.querySelector(".drop");
  const box = document.getElementById("progress");
  const bar = document.getElementById("progress-bar");
  const words = document.getElementById("progress-words");
  const cancel = document.getElementById("cancel");
  const mega = (bytes) => (bytes / 1e6).toFixed(1);

  const say = (text) => { box.hidden = false; words.textContent = text; };
  const stop = (text) => { bar.hidden = cancel.hidden = true; say(text); };

  for (const name of ["dragover", "dragleave", "drop"])
    drop.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", name === "dragover");
      if (name === "drop" && event.dataTransfer.files.length) {
        input.files = event.dataTransfer.files;
        form.requestSubmit();
      }
    });

  form.addEventListener("submit", (event) => {
    const file = input.files[0];
    if (!file) return;
    event.preventDefault();
    const most = Number(form.dataset.maxBytes);
    if (file.size > most)
      return stop(`${file.name} has ${mega(file.size)} MB; at most ${mega(most)} MB are taken. Split it or compress it with gzip.`);
    send(file);
  });

  function send(file) {
    const request = new XMLHttpRequest();
    bar.hidden = cancel.hidden = false;
    cancel.onclick = () => request.abort();
    request.upload.onprogress = (event) => {
      bar.value = (100 * event.loaded) / event.total;
      say(event.loaded < event.total
        ? `${mega(event.loaded)} of ${mega(event.total)} MB sent`
        : `Checking every line of ${file.name}`);
    };
    request.onabort = () => stop("Canceled. The file is still chosen.");
    request.onerror = () => stop("The connection broke. The file is still chosen; try again.");
    request.onload = () => {
      if (request.responseURL !== location.href.split("#")[0] && request.status < 300)
        return location.assign(request.responseURL);
      const page = new DOMParser().parseFromString(request.responseText, "text/html");
      const alert = page.querySelector("[role=alert]");
      stop("");
      document.querySelectorAll("[role=alert]").forEach((old) => old.remove());
      if (alert) form.before(document.adoptNode(alert));
    };
    request.open("POST", location.pathname);
    request.send(new FormData(form));
  }
})();
