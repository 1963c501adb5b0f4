// What the pages do in the browser beyond htmx: say how the connection is and
// what changed, keep what people opened, and draw the plots (chart.js). They
// are whole without it.

const connection = document.getElementById("connection");
const announcement = document.getElementById("announcement");
const live = document.getElementById("live");

function say(text) {
  if (connection.textContent !== text) connection.textContent = text;
}

function spoken() {
  return live.querySelector("[data-announce]")?.dataset.announce ?? "";
}

// tell has whoever listens fetched anew; htmx keeps the pace. What happened is
// shown at once. How things go is told four times a second, which nobody reads:
// news comes once a second.
function tell(what) {
  live.dispatchEvent(new CustomEvent(what, { bubbles: true }));
}

// The stream. It pauses while nobody looks, and what was missed comes when
// somebody does.
document.addEventListener("htmx:sse:after:connection", () => { say("● live"); tell("happened"); });
document.addEventListener("htmx:sse:after:message", ({ detail }) => tell(detail.message.event === "progress" ? "news" : "happened"));
document.addEventListener("htmx:sse:before:connection", ({ detail }) => say(detail.connection.attempt ? "○ connecting again …" : "○ connecting …"));
// Who is on their way elsewhere by a form, as by signing out, is let go there. Not
// beforeunload: with a listener for it Chromium now and then never leaves a page
// that has just been opened.
let leaving = false;
document.addEventListener("submit", (event) => { leaving ||= !event.defaultPrevented; });
document.addEventListener("htmx:sse:error", (event) => {
  say("○ connecting again …");
  // Signed out, or the store is another one: the stream will not come back.
  if ([401, 409].includes(event.detail.status) && !leaving) location.reload();
});
document.addEventListener("htmx:sse:close", () => say(document.getElementById("stream") ? "○ connecting again …" : ""));
document.addEventListener("visibilitychange", () => { if (document.hidden && document.getElementById("stream")) say("○ paused"); });

// htmx makes the page what the server sent; what people did to it stays.
let before = spoken();
htmx.registerExtension("stagger", {
  htmx_before_morph_attr(element, { attrName }) {
    if (attrName === "open") return element.nodeName !== "DETAILS" && element.nodeName !== "DIALOG";
    return !(attrName === "hidden" && element.hasAttribute("data-copy"));
  },
  htmx_after_swap() {
    offerCopies();
    entitle();
    if (spoken() !== before) announcement.textContent = before = spoken();
  },
});

// The title tells how things are while another tab is in front. Such a page has
// no stream, as browsers have few connections to a server; it looks now and then.
setInterval(() => { if (document.hidden && document.getElementById("stream")) tell("glance"); }, 10000);
function entitle() {
  const title = live.querySelector("[data-title]")?.dataset.title;
  if (title) document.title = title + " · Stagger";
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

// Actions open in a dialog, which says what will happen; nothing is done by a
// key alone. Without this script they are pages.
const dialog = document.getElementById("dialog");
const shortcuts = document.getElementById("shortcuts");
const shortcutsOn = document.getElementById("shortcuts-on");

document.addEventListener("htmx:after:swap", (event) => {
  if (event.detail.ctx?.target?.id !== "dialog-body") return;
  for (const field of dialog.querySelectorAll("[data-remember]")) field.value ||= localStorage.getItem(field.dataset.remember) ?? "";
  if (!dialog.open) dialog.showModal();
  dialog.querySelector("[autofocus]")?.focus();
});
document.addEventListener("acted", () => { dialog.close(); tell("happened"); });
document.addEventListener("submit", (event) => {
  for (const field of event.target.querySelectorAll("[data-remember]")) localStorage.setItem(field.dataset.remember, field.value);
});
document.addEventListener("click", (event) => {
  const open = event.target.closest?.("dialog");
  if (!open || (event.target !== open && !event.target.closest("[data-close]"))) return;
  event.preventDefault();
  open.close();
});

shortcutsOn.checked = localStorage.getItem("shortcuts") !== "off";
shortcutsOn.addEventListener("change", () => localStorage.setItem("shortcuts", shortcutsOn.checked ? "on" : "off"));

// A key counts when it is let go, so that it is not written into the field that
// it leads to.
let pressed = "";
document.addEventListener("keydown", (event) => {
  const elsewhere = event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.target.closest?.("input, textarea, select, dialog");
  pressed = elsewhere ? "" : event.key;
});
document.addEventListener("keyup", (event) => {
  const key = pressed === event.key ? pressed : "";
  pressed = "";
  if (key === "?") return showKeys();
  if (key && shortcutsOn.checked) document.querySelector(`[data-key="${CSS.escape(key)}"]`)?.click();
});

function showKeys() {
  const list = document.getElementById("shortcuts-list");
  list.replaceChildren();
  const add = (key, words) => {
    const [term, description] = [document.createElement("dt"), document.createElement("dd")];
    term.append(Object.assign(document.createElement("kbd"), { textContent: key }));
    description.textContent = words;
    list.append(term, description);
  };
  for (const one of document.querySelectorAll("[data-key]")) add(one.dataset.key, one.dataset.keyLabel ?? one.firstChild.textContent.trim());
  add("?", "These keys");
  shortcuts.showModal();
}

offerCopies();
