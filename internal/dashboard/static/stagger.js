// Keeps the live part of a page up to date: it listens to the event stream and
// fetches the part anew when something changed, at most four times a second;
// what is large and changes slowly comes with it every few seconds only.
// The page is whole without it.

const live = document.getElementById("live");
const connection = document.getElementById("connection");
const announcement = document.getElementById("announcement");

const pace = 250; // ms between two fetches, at least
const slowly = 5000; // ms between two fetches of the whole part
const retry = 3000; // ms until a stream that was refused is tried again

let source = null;
let wanted = false; // something changed since the last fetch began
let busy = false;
let whole = performance.now(); // when the whole part was fetched last
let again = 0; // timer of the next try

function say(text) {
  if (connection.textContent !== text) connection.textContent = text;
}

function listen() {
  clearTimeout(again);
  if (source || document.hidden) return;
  if (!live.dataset.stream) return say("");
  source = new EventSource(live.dataset.stream);
  source.onopen = () => { say("● live"); refresh(); };
  source.onerror = () => {
    say("○ connecting again …");
    if (source.readyState !== EventSource.CLOSED) return;
    stop();
    again = setTimeout(refresh, retry);
  };
  source.addEventListener("event", refresh);
  source.addEventListener("progress", refresh);
}

function stop() {
  if (source) source.close();
  source = null;
}

// refresh fetches the live part, now or as soon as pace allows.
async function refresh() {
  wanted = true;
  if (busy) return;
  busy = true;
  while (wanted) {
    wanted = false;
    const began = performance.now();
    try {
      await fetchPart();
    } catch {
      say("○ connecting again …");
      clearTimeout(again);
      again = setTimeout(refresh, retry);
    }
    const rest = pace - (performance.now() - began);
    if (rest > 0) await new Promise((done) => setTimeout(done, rest));
  }
  busy = false;
}

async function fetchPart() {
  const address = new URL(location.href);
  const began = performance.now();
  const brief = began - whole < slowly;
  address.searchParams.set("part", brief ? "brief" : "live");
  address.hash = "";
  const response = await fetch(address, { headers: { Accept: "text/html" }, cache: "no-store" });
  if (!response.ok) throw new Error(response.statusText);
  const next = document.createElement("div");
  next.innerHTML = await response.text();
  const before = spoken(live);
  morphChildren(live, next);
  if (spoken(live) !== before) announcement.textContent = spoken(live);
  offerCopies();
  const stream = response.headers.get("Stagger-Stream") ?? "";
  live.dataset.stream = stream;
  if (!brief) whole = began;
  if (!stream && brief) last();
  if (!stream) { stop(); say(""); } else listen();
}

// last fetches the whole part once more, when nothing will change any more.
function last() {
  clearTimeout(again);
  again = setTimeout(refresh, slowly);
}

function spoken(root) {
  return root.querySelector("[data-announce]")?.dataset.announce ?? "";
}

// morphChildren makes the children of old those of next and touches only what
// differs, so that focus, selection and scroll positions stay.
function morphChildren(old, next) {
  const keyed = new Map();
  for (const child of old.children) if (child.id) keyed.set(child.id, child);
  let at = old.firstChild;
  for (const child of [...next.childNodes]) {
    let match = child.id ? keyed.get(child.id) : at;
    if (match && !alike(match, child)) match = null;
    if (!match) {
      old.insertBefore(child, at);
      continue;
    }
    if (match === at) at = at.nextSibling;
    else old.insertBefore(match, at);
    morph(match, child);
  }
  while (at) {
    const gone = at;
    at = at.nextSibling;
    gone.remove();
  }
}

function alike(a, b) {
  return a.nodeType === b.nodeType && a.nodeName === b.nodeName && (a.id ?? "") === (b.id ?? "");
}

function morph(old, next) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== next.data) old.data = next.data;
    return;
  }
  if (old.hasAttribute("data-copy")) return; // what the script made of it stays
  if (next.hasAttribute("data-keep")) return; // a brief answer lacks it
  for (const { name } of [...old.attributes]) {
    const opened = name === "open" && old.nodeName === "DETAILS"; // by whoever reads
    if (!next.hasAttribute(name) && !opened) old.removeAttribute(name);
  }
  for (const { name, value } of next.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  morphChildren(old, next);
}

function offerCopies() {
  if (!navigator.clipboard) return;
  for (const button of document.querySelectorAll("[data-copy][hidden]")) button.hidden = false;
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(button.parentElement.querySelector("code").textContent);
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = "Copy"; }, 1500);
});

// A page nobody looks at leaves its connection to others.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) { stop(); say("○ paused"); } else { refresh(); }
});

offerCopies();
listen();
