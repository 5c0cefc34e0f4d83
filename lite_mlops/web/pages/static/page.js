// The form: asks POST /predict and shows the answer. Everything is put in as text, never as markup.
"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const form = byId("form");
const controls = [...form.querySelectorAll("[data-column]")];
const SHOWN_CLASSES = 8, SHOWN_CONTRIBUTIONS = 10, SHOWN_ROWS = 10, SHOWN_COLUMNS = 40;

// -- building ------------------------------------------------------------------------------------

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name in element && typeof value !== "string") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

const COUNT = new Intl.NumberFormat("en", { useGrouping: "min2" });
const FOUR = new Intl.NumberFormat("en", { maximumSignificantDigits: 4, useGrouping: "min2" });
const NUMBER = new Intl.NumberFormat("en", { maximumSignificantDigits: 6, useGrouping: "min2" });

function number(value, format = Number.isInteger(value) ? COUNT : NUMBER) {
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e15 || size < 1e-6)) return value.toPrecision(3);
  return format.format(value).replace("-", "\u2212");
}

// Numbers with as many decimals as the largest of them needs for three digits, and their signs.
function signed(largest) {
  const digits = Math.min(Math.max(2 - Math.floor(Math.log10(largest)), 0), 12);
  const options = { maximumFractionDigits: digits, minimumFractionDigits: digits, signDisplay: "exceptZero", useGrouping: "min2" };
  return new Intl.NumberFormat("en", options);
}

function told(value) {
  if (value === null || value === undefined) return "missing";
  if (Array.isArray(value)) return value.map(told).join(", ");
  if (typeof value === "number") return number(value);
  return String(value).replace(/^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.0+$/, "$1");
}

function share(value) {
  if (value > 0 && value < 0.001) return "< 0.1 %";
  if (value < 1 && value > 0.999) return "> 99.9 %";
  return `${(100 * value).toFixed(1)} %`;
}

// A class as probabilities name it, which for true and 1.0 is another text than in JavaScript.
function labelOf(prediction) {
  return data.labels[data.classes.indexOf(prediction)] ?? String(prediction);
}

const count = (size, one, many) => `${COUNT.format(size)} ${size === 1 ? one : many}`;

// -- the row -------------------------------------------------------------------------------------

// A drop-down of categories takes others as well, which are typed.
for (const control of controls.filter((one) => "open" in one.dataset)) {
  const other = make("option", {}, "Other\u2026");
  const label = `Other ${control.dataset.column}`;
  const type = ["integer", "float"].includes(control.dataset.type) ? "number" : "text";
  const typed = make("input", { class: "typed", type, step: "any", "aria-label": label, hidden: true });
  control.append(other);
  control.after(typed);
  control.choice = { other, typed };
  control.addEventListener("change", () => { showTyped(control); if (!typed.hidden) typed.focus(); });
}

function showTyped(control) {
  const { other, typed } = control.choice;
  typed.hidden = !other.selected;
}

function textOf(control) {
  return control.choice && control.choice.other.selected ? control.choice.typed.value : control.value;
}

function valueOf(control) {
  const { type, missing } = control.dataset;
  const text = textOf(control);
  if (text === "" && (type !== "text" || missing !== undefined)) return null;
  if (type === "integer" || type === "float") return Number(text);
  return type === "boolean" ? text === "true" : text;
}

function moment(text) {
  if (/^\d{4}-\d{2}-\d{2}$/.test(text)) return `${text}T00:00`;
  const zoned = /(Z|[+-]\d{2}:\d{2})$/.test(text);
  const time = new Date(zoned ? text : `${text.replace(" ", "T")}Z`);
  return Number.isNaN(time.getTime()) ? "" : time.toISOString().slice(0, 19).replace(/:00$/, "");
}

function put(control, value) {
  let text = value === null || value === undefined ? "" : String(value);
  if (control.dataset.type === "datetime" && text) text = moment(text);
  control.value = text;
  if (control.choice) {
    if (control.value !== text) {
      control.choice.other.selected = true;
      control.choice.typed.value = text;
    }
    showTyped(control);
  }
  return control.value !== "" || text === "" || Boolean(control.choice);
}

// Fills the form with a row by column, or in the order of the columns; returns what to say of it.
function fill(row) {
  const byColumn = Array.isArray(row)
    ? Object.fromEntries(data.columns.map((name, place) => [name, row[place]]))
    : row;
  const absent = [], refused = [];
  for (const control of controls) {
    const name = control.dataset.column;
    if (!Object.hasOwn(byColumn, name) || byColumn[name] === undefined) absent.push(name);
    else if (!put(control, byColumn[name])) refused.push(name);
  }
  const unknown = Object.keys(byColumn).filter((name) => !data.columns.includes(name));
  changed();
  const parts = [];
  if (absent.length) parts.push(`Not in the row, and left as before: ${absent.join(", ")}.`);
  if (refused.length) parts.push(`Does not fit, and was left empty: ${refused.join(", ")}.`);
  if (unknown.length) parts.push(`Not taken by the model: ${unknown.join(", ")}.`);
  return parts.join(" ");
}

// The body of a request for the one row of the form.
function body() {
  if (data.mode === "fields") {
    return JSON.stringify(Object.fromEntries(controls.map((one) => [one.dataset.column, valueOf(one)])));
  }
  if (data.mode === "text") return JSON.stringify([byId("row").value]);
  const row = JSON.parse(byId("row").value);
  return JSON.stringify(data.columns.length && !Array.isArray(row) ? row : [row]);
}

// -- asking --------------------------------------------------------------------------------------

class Refused extends Error {
  constructor(message, problems = []) {
    super(message);
    this.problems = problems;
  }
}

let busy = false;

async function alone(work) {
  if (busy) return;
  busy = true;
  const buttons = document.querySelectorAll("button");
  buttons.forEach((one) => one.setAttribute("aria-disabled", "true"));
  try {
    await work();
  } finally {
    busy = false;
    document.querySelectorAll("button").forEach((one) => one.removeAttribute("aria-disabled"));
  }
}

async function ask(address, options) {
  let response;
  try {
    response = await fetch(address, options);
  } catch {
    throw new Refused("The server does not answer. It may have been stopped.");
  }
  if (response.ok) return response;
  const error = await response.json().then((found) => found.error, () => null);
  throw new Refused(error?.message ?? `The server answered with status ${response.status}.`, error?.problems);
}

function post(address, content, media, accept) {
  const headers = { "Content-Type": media, Accept: accept };
  return ask(address, { method: "POST", headers, body: content });
}

function address(...options) {
  if (data.probabilities) options.push("proba=1");
  return options.length ? `${data.predict}?${options.join("&")}` : data.predict;
}

function showError(place, status, error) {
  if (!(error instanceof Refused)) throw error;
  place.replaceChildren(make("div", { class: "error", role: "alert" }, make("strong", {}, "No answer"), error.message));
  status.textContent = "";
}

function clearFaults() {
  for (const fault of form.querySelectorAll(".fault")) fault.remove();
  for (const control of controls) control.removeAttribute("aria-invalid");
}

function showFaults(problems) {
  let first = null;
  for (const problem of problems) {
    const control = controls.find((one) => one.dataset.column === problem.column);
    if (!control || control.hasAttribute("aria-invalid")) continue;
    control.setAttribute("aria-invalid", "true");
    control.closest(".field").append(make("p", { class: "fault" }, `Is ${problem.value}; expected ${problem.expected}.`));
    first ??= control;
  }
  first?.focus();
}

async function predict() {
  clearFaults();
  byId("answer").setAttribute("aria-busy", "true");
  try {
    let content;
    try {
      content = body();
    } catch (error) {
      throw new Refused(`This is no JSON: ${error.message}.`);
    }
    const started = performance.now();
    const response = await post(address(...(data.explains ? ["explain=1"] : [])), content, "application/json", "application/json");
    const found = await response.json();
    showAnswer(found, response.headers.get("X-Prediction-Id"), performance.now() - started);
  } catch (error) {
    showError(byId("shown"), byId("told"), error);
    showFaults(error.problems ?? []);
  } finally {
    byId("answer").removeAttribute("aria-busy");
    intoSight(byId("answer"));
  }
}

function intoSight(element) {
  const { top } = element.getBoundingClientRect();
  if (top >= 0 && top < innerHeight * 0.6) return;
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  scrollBy({ top: top - 16, behavior: calm ? "auto" : "smooth" });
}

// -- the answer ----------------------------------------------------------------------------------

function showAnswer(found, id, milliseconds) {
  const answer = found.predictions[0];
  const text = data.classes.length ? String(answer.prediction) : told(answer.prediction);
  const parts = [heroOf(text)];
  const classShare = answer.probabilities?.[labelOf(answer.prediction)];
  if (classShare !== undefined) parts.push(make("p", { class: "beside" }, `with a probability of ${share(classShare)}`));
  else if (data.range) parts.push(make("p", { class: "beside" }, `answers to the training data: ${data.range}`));
  parts.push(...verdictOf(answer));
  if (answer.probabilities) parts.push(probabilitiesOf(answer));
  if (answer.explanation) parts.push(contributionsOf(answer.explanation));
  if (data.feedback) parts.push(feedbackOf(answer));
  parts.push(factsOf(found, id ?? answer.id, milliseconds));
  if (found.version !== data.version) {
    const news = `Version ${found.version} answers now; this form was made for version ${data.version}. `;
    parts.push(make("p", { class: "hint", id: "news" }, news, make("a", { href: location.href }, "Load its form"), "."));
  }
  byId("shown").replaceChildren(...parts);
  const doubts = answer.warnings?.length ?? 0;
  const verdict = doubts ? count(doubts, "warning.", "warnings.") : data.judged ? "The row is as in training." : "";
  byId("told").textContent = `The answer is ${text}. ${verdict}`;
}

function heroOf(text) {
  const size = text.length > 48 ? " longer" : text.length > 14 ? " long" : "";
  return make("p", { class: `prediction${size}` }, text);
}

function warningOf({ column, what, value, expected }) {
  if (what === "missing") return `${column} is missing; in the training data it never was.`;
  if (what === "category") return `${column} is ${told(value)}, which the training data did not have. It had ${expected}.`;
  return `${column} is ${told(value)}; in the training data it was ${expected}.`;
}

function verdictOf(answer) {
  const warnings = answer.warnings ?? [];
  if (!data.judged) return [make("p", { class: "hint" }, "Nothing is known of the training data that the row could be compared with.")];
  if (!warnings.length) {
    return [make("p", { class: "verdict" }, make("span", { class: "badge" }, "as in training"))];
  }
  const badge = make("span", { class: "badge doubtful" }, "doubtful");
  const list = warnings.map((one) => make("li", {}, warningOf(one)));
  const why = "The row is not like the training data.";
  return [make("p", { class: "verdict" }, badge, why), make("ul", { class: "warnings" }, ...list)];
}

// A bar from a place to another, in shares of its track.
function bar(from, to, kind, signed = "") {
  const inner = make("span", { class: `bar ${kind}` });
  inner.style.left = `${100 * from}%`;
  inner.style.width = `${100 * (to - from)}%`;
  return make("td", { "aria-hidden": "true" }, make("span", { class: `track ${signed}` }, inner));
}

function table(caption, rows) {
  return make("table", { class: "bars" }, make("caption", {}, caption), make("tbody", {}, ...rows));
}

function probabilitiesOf(answer) {
  const shares = Object.entries(answer.probabilities).sort((one, other) => other[1] - one[1]);
  const said = labelOf(answer.prediction);
  const rows = shares.map(([label, value]) => {
    const kind = label === said ? " said" : "";
    const head = make("th", { scope: "row", class: kind.trim() }, label);
    return make("tr", {}, head, bar(0, value, kind ? "up" : ""), make("td", { class: `amount${kind}` }, share(value)));
  });
  return shortened(table("Probabilities", rows), rows, SHOWN_CLASSES, "classes");
}

// Only the first rows, and a button that shows all of them.
function shortened(shown, rows, limit, what) {
  const part = make("div", { class: "part" }, shown);
  if (rows.length <= limit) return part;
  const rest = rows.slice(limit);
  rest.forEach((row) => { row.hidden = true; });
  const more = make("button", { type: "button", class: "more" }, `All ${COUNT.format(rows.length)} ${what}`);
  more.addEventListener("click", () => {
    rest.forEach((row) => { row.hidden = false; });
    more.remove();
  });
  part.append(more);
  return part;
}

function contributionsOf({ method, unit, baseline, value, contributions }) {
  const largest = Math.max(...contributions.map((one) => Math.abs(one.contribution))) || 1;
  const format = signed(largest);
  const rows = contributions.map((one) => {
    const end = 0.5 + 0.5 * (one.contribution / largest);
    const drawn = bar(Math.min(end, 0.5), Math.max(end, 0.5), one.contribution > 0 ? "up" : "", "signed");
    const compared = make("small", {}, `${told(one.value)}, against ${told(one.reference)}`);
    const amount = make("td", { class: "amount" }, number(one.contribution, format));
    return make("tr", {}, make("th", { scope: "row" }, one.column, compared), drawn, amount);
  });
  // What is as the value it is compared with contributes nothing.
  const some = contributions.filter((one) => one.contribution !== 0).length;
  const limit = Math.max(1, Math.min(some, SHOWN_CONTRIBUTIONS));
  const part = shortened(table("What each column contributed", rows), rows, limit, "columns");
  const [scale, digits] = unit === "prediction" ? ["the unit of the prediction", NUMBER] : [unit, FOUR];
  const exact = `Exact for this linear model, in ${scale}: from ${number(baseline, digits)}, where all values are those compared with, they add up to ${number(value, digits)}.`;
  const occluded = `By occlusion: how the ${unit} changes when that value alone is replaced by the one it is compared with. They need not add up.`;
  part.append(make("p", { class: "method" }, method === "exact linear" ? exact : occluded));
  return part;
}

function factsOf(found, id, milliseconds) {
  const version = found.version ? `${found.model}/${found.version}` : found.model;
  const time = `${milliseconds < 10 ? milliseconds.toFixed(1) : COUNT.format(Math.round(milliseconds))} ms, measured in this browser`;
  const facts = [["Answered by", version], ["Took", time], ["Id", id]];
  return make("dl", { class: "facts" }, ...facts.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
}

// -- what was true -------------------------------------------------------------------------------

function feedbackOf(answer) {
  const part = make("fieldset", { class: "feedback part" });
  const status = make("p", { class: "hint", role: "status" });
  const send = (label) => alone(async () => {
    try {
      await post(data.feedback, JSON.stringify({ id: answer.id, label }), "application/json", "application/json");
      const done = make("p", { tabIndex: -1 }, `Recorded: right is ${told(label)}.`);
      part.replaceChildren(make("legend", {}, "Was this right?"), done);
      done.focus();
    } catch (error) {
      showError(status, status, error);
    }
  });
  if (data.classes.length) part.append(make("legend", {}, "Was this right?"), classFeedback(answer, send));
  else part.append(make("legend", {}, "What was right?"), numberFeedback(send));
  part.append(status);
  return part;
}

function classFeedback(answer, send) {
  const yes = make("button", { type: "button" }, "Yes");
  const no = make("button", { type: "button", "aria-expanded": "false" }, "No");
  const others = data.classes.filter((one) => one !== answer.prediction);
  const choice = make("select", { id: "right" }, ...others.map((one) => make("option", {}, String(one))));
  const sent = make("button", { type: "button" }, "Send");
  const label = make("label", { for: "right" }, "Right is");
  const row = make("div", { class: "right", hidden: true }, make("div", { class: "field" }, label, choice), sent);
  yes.addEventListener("click", () => send(answer.prediction));
  no.addEventListener("click", () => {
    row.hidden = false;
    no.setAttribute("aria-expanded", "true");
    choice.focus();
  });
  sent.addEventListener("click", () => send(others[choice.selectedIndex]));
  return make("div", {}, make("div", { class: "buttons" }, yes, no), row);
}

function numberFeedback(send) {
  const field = make("input", { id: "right", type: "number", step: "any" });
  const sent = make("button", { type: "button" }, "Send");
  sent.addEventListener("click", () => {
    if (field.value === "") field.focus();
    else send(Number(field.value));
  });
  const label = make("label", { for: "right" }, "True value");
  return make("div", { class: "right" }, make("div", { class: "field" }, label, field), sent);
}

// -- many rows -----------------------------------------------------------------------------------

// The records of a CSV, as RFC 4180 has them.
function parseCsv(text) {
  const records = [];
  let record = [], field = "", quoted = false;
  const source = text.replace(/^\ufeff/, "");
  for (let at = 0; at < source.length; at += 1) {
    const sign = source[at];
    if (quoted) {
      if (sign !== '"') field += sign;
      else if (source[at + 1] === '"') { field += '"'; at += 1; } else quoted = false;
    } else if (sign === '"') quoted = true;
    else if (sign === ",") { record.push(field); field = ""; }
    else if (sign === "\n" || sign === "\r") {
      if (sign === "\r" && source[at + 1] === "\n") at += 1;
      record.push(field);
      records.push(record);
      record = [];
      field = "";
    } else field += sign;
  }
  if (field !== "" || record.length) records.push([...record, field]);
  return records.filter((one) => one.length > 1 || one[0] !== "");
}

function rowsOfJson(value) {
  if (Array.isArray(value)) return value;
  if (Array.isArray(value?.rows)) return value.rows;
  if (Array.isArray(value?.columns) && Array.isArray(value.data)) {
    return value.data.map((row) => Object.fromEntries(value.columns.map((name, place) => [name, row[place]])));
  }
  return [value];
}

// What was pasted: its kind, and its rows as far as the form can show them.
function pasted(text) {
  if (/^\s*[[{]/.test(text)) {
    try {
      return { media: "application/json", rows: rowsOfJson(JSON.parse(text)) };
    } catch (error) {
      throw new Refused(`This is no JSON: ${error.message}.`);
    }
  }
  const [head, ...records] = parseCsv(text);
  if (!records.length) throw new Refused("Paste JSON, or a CSV with a line of column names and at least one row.");
  return { media: "text/csv", rows: records.map((record) => Object.fromEntries(head.map((name, place) => [name, record[place]]))) };
}

async function predictMany(content, media, name) {
  const place = byId("rows"), status = byId("toldmany");
  status.textContent = "Asking.";
  const started = performance.now();
  const keep = data.columns.length ? ["keep=1"] : [];
  const response = await post(address(...keep), content, media, "text/csv");
  const text = await response.text();
  showRows(text, performance.now() - started, name);
  status.textContent = place.querySelector("h3").textContent;
  intoSight(place);
}

let download = null;

function showRows(text, milliseconds, name) {
  const [head, ...records] = parseCsv(text);
  const said = ["prediction", "prediction_0", "answer_prediction", "answer_prediction_0"]
    .map((one) => head.lastIndexOf(one)).reduce((one, other) => Math.max(one, other), -1);
  // The answers first: they are what one looks for.
  const order = [...head.keys()].sort((one, other) => (one < said) - (other < said) || one - other).slice(0, SHOWN_COLUMNS);
  const short = (text) => (/^-?\d+\.\d{6,}$/.test(text) ? Number(text).toPrecision(4) : text);
  const cell = (record, place) => make("td", place === said ? { class: "said" } : {}, short(record[place] ?? ""));
  const shown = make("table", { class: "rows" },
    make("thead", {}, make("tr", {}, ...order.map((place) => make("th", { scope: "col" }, head[place])))),
    make("tbody", {}, ...records.slice(0, SHOWN_ROWS).map((one) => make("tr", {}, ...order.map((place) => cell(one, place))))));
  if (download) URL.revokeObjectURL(download);
  download = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  const title = `${count(records.length, "row", "rows")} answered`;
  const link = make("a", { class: "download", href: download, download: name }, `Download ${name}`);
  byId("rows").replaceChildren(make("div", { class: "result" },
    make("h3", {}, title), make("p", { class: "hint" }, summaryOf(head, records, said, milliseconds)), link,
    make("div", { class: "scroll", role: "region", tabIndex: 0, "aria-label": "First rows with their predictions" }, shown)));
}

function summaryOf(head, records, said, milliseconds) {
  const parts = [];
  if (data.classes.length) {
    const counts = new Map();
    for (const record of records) counts.set(record[said], (counts.get(record[said]) ?? 0) + 1);
    const ordered = [...counts].sort((one, other) => other[1] - one[1]).slice(0, SHOWN_CLASSES);
    parts.push(ordered.map(([label, size]) => `${COUNT.format(size)} ${label}`).join(", "));
  }
  const quality = Math.max(head.lastIndexOf("quality"), head.lastIndexOf("answer_quality"));
  if (quality > said) {
    const doubts = records.filter((record) => record[quality] === "doubtful").length;
    parts.push(doubts ? `${COUNT.format(doubts)} doubtful` : "all as in training");
  }
  parts.push(`${COUNT.format(Math.round(milliseconds))} ms, measured in this browser`);
  if (records.length > SHOWN_ROWS) parts.push(`the first ${SHOWN_ROWS} are shown`);
  return `${parts.join("; ")}.`;
}

const showManyError = (error) => showError(byId("rows"), byId("toldmany"), error);

async function usePasted() {
  try {
    const text = byId("pasted").value;
    const { media, rows } = pasted(text);
    if (rows.length === 1 && data.mode === "fields" && rows[0] !== null && typeof rows[0] === "object") {
      byId("drawn").textContent = `The form has the pasted row. ${fill(rows[0])}`;
      byId("predict").focus();
      intoSight(form);
    } else await predictMany(text, media, "predictions.csv");
  } catch (error) {
    showManyError(error);
  }
}

async function useFile() {
  const [file] = byId("file").files;
  try {
    if (!file) throw new Refused("Choose a file first.");
    await predictMany(file, "text/csv", `${file.name.replace(/\.csv$/i, "")}-predictions.csv`);
  } catch (error) {
    showManyError(error);
  }
}

async function drawRow() {
  try {
    const response = await ask(data.row, {});
    const drawn = await response.json();
    const about = drawn.made_up
      ? "Made up from the training data, each column by itself."
      : "One of the rows that were kept with this version.";
    if (data.mode === "fields") byId("drawn").textContent = `${about} ${fill(drawn.row)}`;
    else {
      byId("row").value = data.mode === "text" ? drawn.row : JSON.stringify(drawn.row);
      byId("drawn").textContent = about;
      changed();
    }
  } catch (error) {
    showError(byId("shown"), byId("told"), error);
  }
}

// An answer is to the row that was sent, not to what was typed since.
function changed() {
  const beside = byId("shown").querySelector(".prediction");
  if (beside && !byId("changed")) beside.after(make("p", { class: "hint", id: "changed" }, "The row was changed since."));
}

form.addEventListener("submit", (event) => { event.preventDefault(); alone(predict); });
form.addEventListener("input", () => { changed(); byId("drawn").textContent = ""; });
byId("random")?.addEventListener("click", () => alone(drawRow));
byId("paste").addEventListener("click", () => alone(usePasted));
byId("upload")?.addEventListener("click", () => alone(useFile));
if (byId("random")) byId("random").hidden = false;
byId("many").hidden = false;
byId("curl").textContent = byId("curl").textContent.replace(`http://${location.host}`, location.origin);
