// One batch after the other: send the films, wait, show the page of the predictions. Text is set as text, never as HTML.
const limits = JSON.parse(document.getElementById("limits").textContent);
const find = (id) => document.getElementById(id);
const POLL_MS = 700;
let batch = null; // key of the batch on the server
let sending = null; // ends the requests of a batch that is cancelled

const megabytes = (bytes) => `${Math.ceil(bytes / 1e6).toLocaleString("en")} MB`;
const counted = (number, what) => `${number.toLocaleString("en")} ${what}${number === 1 ? "" : "s"}`;
const pause = (time) => new Promise((resolve) => setTimeout(resolve, time));

/** Answer of the server; an error has the reason that the server gives. */
async function ask(method, path, body) {
  const signal = sending?.signal;
  let answer;
  try {
    answer = await fetch(path, { method, body, signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The server does not answer. Was it stopped?");
  }
  const content = await answer.json().catch(() => ({}));
  signal?.throwIfAborted();
  if (!answer.ok) throw Object.assign(new Error(content.detail ?? `status ${answer.status}`), { status: answer.status });
  return content;
}

function show(step) {
  find("choose").hidden = step !== "choose";
  find("work").hidden = step !== "work";
  find("result").hidden = step !== "result";
}

function tell(message, value) {
  find("message").textContent = message;
  if (value === undefined) find("progress").removeAttribute("value");
  else find("progress").value = value;
}

function refuse(reason) {
  const item = document.createElement("li");
  item.textContent = reason;
  find("reasons").append(item);
  find("refused").hidden = false;
}

function clear() {
  find("reasons").replaceChildren();
  find("refused").hidden = true;
  find("gallery").removeAttribute("src");
}

/** Back to the start; the reasons of refusals stay. */
function reset(reason) {
  batch = sending = null;
  history.replaceState(null, "", location.pathname);
  find("files").value = "";
  show("choose");
  if (reason) refuse(reason);
}

function tooLarge(file, sent) {
  if (file.size > limits.file_bytes) return `larger than ${megabytes(limits.file_bytes)}`;
  if (sent.bytes + file.size > limits.batch_bytes) return `a batch has at most ${megabytes(limits.batch_bytes)}; send it as another batch`;
  return sent.files >= limits.files ? `a batch has at most ${limits.files} files; send it as another batch` : "";
}

async function send(files) {
  clear();
  show("work");
  sending = new AbortController();
  tell("Sending the films …", 0);
  try {
    batch = (await ask("POST", "batches")).batch;
    history.replaceState(null, "", `#${batch}`);
    const sent = { files: 0, bytes: 0 };
    for (const [number, file] of files.entries()) {
      tell(`Sending film ${number + 1} of ${files.length} …`, number / files.length);
      try {
        const reason = tooLarge(file, sent);
        if (reason) throw new Error(reason);
        await ask("POST", `batches/${batch}/files?name=${encodeURIComponent(file.name)}`, file);
        sent.files += 1;
        sent.bytes += file.size;
      } catch (error) {
        if (error.name === "AbortError" || error.status === 404) throw error;
        refuse(`${file.name}: ${error.message}`);
      }
    }
    if (sent.files) {
      await ask("POST", `batches/${batch}/start`);
      await follow();
    } else {
      await ask("DELETE", `batches/${batch}`);
      reset();
    }
  } catch (error) {
    if (error.name !== "AbortError") reset(error.message);
  }
}

function progressOf(state) {
  if (state.state === "waiting") return tell(state.before ? `Waiting: ${state.before === 1 ? "1 batch is" : `${state.before} batches are`} before this one.` : "Waiting …");
  if (!state.total) return tell("Reading the films …");
  return tell(`Predicting: ${state.done} of ${counted(state.total, "film")} done.`, state.done / state.total);
}

/** Wait for the batch, and show its results. */
async function follow() {
  show("work");
  const { signal } = sending;
  for (;;) {
    const state = await ask("GET", `batches/${batch}`);
    if (state.state === "failed") {
      await ask("DELETE", `batches/${batch}`);
      return reset(state.reason);
    }
    if (state.state === "done") return showResult(state);
    progressOf(state);
    await pause(POLL_MS);
    signal.throwIfAborted();
  }
}

function showResult(state) {
  const page = `batches/${batch}/view/predictions.html`;
  const refused = state.refused ? `, ${state.refused} refused or incomplete` : "";
  find("summary").textContent = `${counted(state.used, "film")} predicted${refused}.`;
  find("download").href = `batches/${batch}/results.zip`;
  find("open").href = page;
  find("gallery").src = page;
  show("result");
  find("download").focus();
}

async function remove() {
  const key = batch;
  sending?.abort();
  reset();
  find("gallery").removeAttribute("src");
  if (key) await ask("DELETE", `batches/${key}`).catch((error) => { if (error.status !== 404) refuse(error.message); });
  find("files").focus();
}

function choose(files, folders) {
  if (files.length) send(files);
  else clear();
  for (const name of folders) refuse(`${name}: a folder; make a zip file of it and drop that`);
}

find("files").addEventListener("change", (event) => choose([...event.target.files], []));
find("cancel").addEventListener("click", remove);
find("remove").addEventListener("click", remove);
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  find("drop").classList.add("over");
});
document.addEventListener("dragleave", () => find("drop").classList.remove("over"));
document.addEventListener("drop", (event) => {
  event.preventDefault(); // else the browser would open the film instead of this page
  find("drop").classList.remove("over");
  if (find("choose").hidden) return;
  const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.());
  const isFolder = (number) => Boolean(entries[number]?.isDirectory);
  const files = [...event.dataTransfer.files];
  choose(files.filter((_, number) => !isFolder(number)), files.filter((_, number) => isFolder(number)).map((file) => file.name));
});

// After a reload the page shows the batch that it has sent; one that was not complete is given up.
if (location.hash) {
  batch = location.hash.slice(1);
  sending = new AbortController();
  ask("GET", `batches/${encodeURIComponent(batch)}`)
    .then((state) => (state.state === "receiving" ? remove() : follow()))
    .catch((error) => { if (error.name !== "AbortError") reset(error.message); });
}
