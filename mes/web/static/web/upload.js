/* <form data-upload data-max-mb="256">: sends its file with progress and shows the server's answer in place.
 *
 * Without scripts the form works as any form does. A file that is too large is not sent at all.
 */

const upload = () => document.querySelector("form[data-upload]");

function told(words, alarm = false) {
  const place = upload().querySelector("[data-upload-words]");
  place.textContent = words;
  place.toggleAttribute("data-alarm", alarm);
}

function busy(is) {
  upload().querySelector("[type=submit]").disabled = is;
  upload().querySelector("progress").hidden = !is;
}

function show(html) {
  const answer = new DOMParser().parseFromString(html, "text/html");
  const main = answer.querySelector("main");
  if (!main) throw new Error("the server sent no page");
  document.title = answer.title;
  document.querySelector("main").replaceWith(document.adoptNode(main));
  window.scrollTo(0, 0);
  start(upload());
}

function send(target) {
  const request = new XMLHttpRequest();
  const bar = target.querySelector("progress");
  request.open("POST", target.action);
  request.upload.addEventListener("progress", (event) => {
    if (!event.lengthComputable) return;
    bar.value = event.loaded / event.total;
    told(event.loaded < event.total ? `${Math.round(100 * bar.value)} % sent` : "Sent. Reading the file and recording its cycles …");
  });
  request.addEventListener("load", () => {
    try { show(request.responseText); } catch (error) { busy(false); told(`Not recorded: ${error.message}.`, true); }
  });
  request.addEventListener("error", () => { busy(false); told("The connection was closed. Nothing was stored; try again.", true); });
  busy(true);
  bar.value = 0;
  told("Sending …");
  request.send(new FormData(target));
}

function start(target) {
  target?.addEventListener("submit", (event) => {
    event.preventDefault();
    const file = target.elements.file.files[0];
    if (file && file.size > Number(target.dataset.maxMb) * 1e6) {
      told(`The file is larger than ${target.dataset.maxMb} MB. Export the test in parts. Nothing was sent.`, true);
      return;
    }
    send(target);
  });
}

start(upload());
