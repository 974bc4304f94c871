"use strict";

// Asks the server on every keystroke for the words that may come next, and lets them be taken from the keyboard.

const SIGNATURE = "predict_next";
const MOST_WORDS = 5; // as many as there are keys for them
const MOST_REMEMBERED = 200; // answers kept, so that the middle of a word asks nothing
const PAUSE_BEFORE_SPEAKING = 700; // milliseconds without typing, so that a screen reader is not flooded
const END_OF_LINE = "<eos>";
const UNKNOWN = "<unk>";
const CACHE = { hit: "hit", extended: "hit in part", miss: "miss" };
const CLINGS = /^(?:[.,;:!?%)\]}…]|'\w|n't$)/; // written without a space before them
const OPENS = /[([{\s]$/; // and what is followed by none

const element = (id) => document.getElementById(id);
const model = element("model");
const text = element("text");
const words = element("words");

const answers = new Map(); // model and text → words and probabilities
const versions = new Map(); // model → the version that answered last
let suggestions = [];
let marked = 0;
let asked = ""; // what the running request asks for
let shown = ""; // what the list stands for
let tabLeaves = false;
let speaking = 0;

// The text up to the word that is being typed, and that word.
function halves() {
  const typed = text.value.slice(0, text.selectionEnd);
  const partial = typed.match(/\S*$/)[0];
  return [typed.slice(0, typed.length - partial.length), partial];
}

// What of the text the model is asked about: without the word being typed, unless nothing likely begins like it.
function choose() {
  const [before, partial] = halves();
  const known = answers.get(keyOf(before));
  if (!partial) return { context: before, completing: "" };
  if (!known) return { context: before, completing: partial };
  const begins = known.some(({ word }) => word.startsWith(partial) && word !== partial);
  return begins ? { context: before, completing: partial } : { context: before + partial, completing: "" };
}

function keyOf(context) {
  return `${model.value}\n${context.trimEnd()}`;
}

async function update() {
  if (!model.value) return;
  const { context, completing } = choose();
  const known = answers.get(keyOf(context));
  if (known) {
    const now = `${keyOf(context)}\n${completing}`;
    if (now !== shown) show(known.filter(({ word }) => word.startsWith(completing) && word !== completing));
    shown = now;
    return;
  }
  if (asked) return; // one request at a time: its answer brings us back here
  asked = keyOf(context);
  let answer;
  try {
    answer = await predict(context);
    complain("");
  } catch (error) {
    complain(error.message);
  }
  if (answer) remember(asked, answer);
  asked = "";
  if (answer) update(); // for the text as it is by now
}

async function predict(context) {
  const began = performance.now();
  const name = model.value;
  const body = JSON.stringify({ signature_name: SIGNATURE, instances: [context.trimEnd()] });
  let response;
  try {
    response = await fetch(`/v1/models/${encodeURIComponent(name)}:predict`, { method: "POST", body });
  } catch {
    throw new Error("The server does not answer. Is it still running?");
  }
  const answer = await response.json();
  if (!response.ok) throw new Error(`The server refused: ${answer.error}`);
  const timing = response.headers.get("Server-Timing") ?? "";
  tell(timing, performance.now() - began);
  meet(name, timing.match(/version;desc="(-?\d+)"/)?.[1]);
  const [row] = answer.predictions;
  return row.words
    .map((word, index) => ({ word, probability: row.probabilities[index] }))
    .filter(({ word }) => word !== UNKNOWN);
}

function remember(key, answer) {
  if (answers.size >= MOST_REMEMBERED) answers.delete(answers.keys().next().value);
  answers.set(key, answer);
}

// Another version than before: what the one before has answered is forgotten.
function meet(name, version) {
  if (!version || versions.get(name) === version) return;
  versions.set(name, version);
  answers.clear();
  for (const option of model.children) if (option.value === name) option.text = title(name, version);
}

function title(name, version) {
  return version ? `${name}, version ${version}` : name;
}

// The header goes: cache;desc="hit", version;desc="3", parse;dur=0.1, queue;dur=0.2, …
function tell(timing, total) {
  const stages = [...timing.matchAll(/(\w+);dur=([\d.]+)/g)];
  const times = Object.fromEntries(stages.map(([, name, ms]) => [name, Number(ms)]));
  const served = Object.values(times).reduce((sum, ms) => sum + ms, 0);
  element("cache").textContent = CACHE[timing.match(/cache;desc="(\w+)"/)?.[1]] ?? "not asked";
  element("compute").textContent = milliseconds(times.compute);
  element("server").textContent = milliseconds(served);
  element("total").textContent = milliseconds(total);
}

function milliseconds(value) {
  return value === undefined ? "–" : `${value.toFixed(value < 10 ? 2 : 1)} ms`;
}

function percent(probability) {
  const share = 100 * probability;
  return share >= 10 ? `${share.toFixed(0)} %` : share >= 0.1 ? `${share.toFixed(1)} %` : "< 0.1 %";
}

function label(word) {
  return word === END_OF_LINE ? "end of line ↵" : word;
}

function show(found) {
  suggestions = found.slice(0, MOST_WORDS);
  marked = 0;
  const most = suggestions[0]?.probability ?? 1;
  words.replaceChildren(...suggestions.map(({ word, probability }, index) => line(word, probability, most, index)));
  if (!suggestions.length) {
    const none = document.createElement("li");
    none.className = "none";
    none.setAttribute("role", "option");
    none.setAttribute("aria-disabled", "true");
    none.textContent = "No suggestion";
    words.append(none);
  }
  mark(0);
  clearTimeout(speaking);
  speaking = setTimeout(speak, PAUSE_BEFORE_SPEAKING);
}

function line(word, probability, most, index) {
  const item = document.createElement("li");
  item.id = `word-${index}`;
  item.setAttribute("role", "option");
  item.setAttribute("aria-label", `${label(word)}, ${percent(probability)}`);
  const bar = part("bar", "");
  bar.style.width = `${(100 * probability) / most}%`;
  item.append(bar, part("word", label(word)), part("share", percent(probability)), part("key", ""));
  item.addEventListener("pointerdown", (event) => event.preventDefault()); // the text keeps the focus
  item.addEventListener("click", () => take(index));
  return item;
}

function part(name, content) {
  const made = document.createElement("span");
  made.className = name;
  made.textContent = content;
  return made;
}

function mark(index) {
  marked = index;
  suggestions.forEach((_, at) => {
    const item = element(`word-${at}`);
    item.setAttribute("aria-selected", String(at === index));
    item.querySelector(".key").textContent = at === index ? "Tab" : `Alt ${at + 1}`;
  });
  if (suggestions.length) text.setAttribute("aria-activedescendant", `word-${index}`);
  else text.removeAttribute("aria-activedescendant");
}

function speak() {
  element("announcement").textContent = suggestions.length
    ? suggestions.map(({ word, probability }) => `${label(word)} ${percent(probability)}`).join(", ")
    : "No suggestion";
}

function take(index) {
  const taken = suggestions[index];
  if (!taken) return;
  const end = text.selectionEnd;
  const { completing } = choose();
  const before = text.value.slice(0, end - completing.length);
  const word = taken.word === END_OF_LINE ? "\n" : taken.word;
  const clings = word === "\n" || CLINGS.test(word);
  const start = clings && !completing ? before.trimEnd() : before;
  const space = clings || completing || !start || OPENS.test(start) ? "" : " ";
  const written = start + space + word + (word === "\n" ? "" : " ");
  text.value = written + text.value.slice(end);
  text.setSelectionRange(written.length, written.length);
  text.focus();
  text.scrollTop = text.scrollHeight;
  update();
}

function complain(message) {
  element("alert").textContent = message;
}

text.addEventListener("input", () => {
  tabLeaves = false;
  update();
});

document.addEventListener("selectionchange", () => {
  if (document.activeElement === text) update();
});

text.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    tabLeaves = true;
  } else if (event.key === "Tab" && !event.shiftKey && !event.altKey && !event.ctrlKey && !tabLeaves) {
    if (!suggestions.length) return;
    event.preventDefault();
    take(marked);
  } else if (event.altKey && /^Digit[1-5]$/.test(event.code)) {
    event.preventDefault();
    take(Number(event.code.at(-1)) - 1);
  } else if (event.altKey && (event.key === "ArrowDown" || event.key === "ArrowUp") && suggestions.length) {
    event.preventDefault();
    mark((marked + (event.key === "ArrowDown" ? 1 : suggestions.length - 1)) % suggestions.length);
  }
});

model.addEventListener("change", () => {
  complain("");
  update();
});

async function start() {
  try {
    const { models } = await (await fetch("/v1/models")).json();
    const able = models.filter(({ signatures }) => signatures.includes(SIGNATURE));
    model.replaceChildren(
      ...able.map(({ name, versions: known }) => {
        const newest = known.find(({ state }) => state === "AVAILABLE")?.version;
        versions.set(name, newest);
        return new Option(title(name, newest), name);
      }),
    );
    if (!able.length) {
      model.disabled = true;
      complain(`No model here has a signature ${SIGNATURE}: export one with “rnnzoo export”.`);
      return;
    }
  } catch {
    complain("The server does not answer. Is it still running?");
    return;
  }
  update();
}

start();
