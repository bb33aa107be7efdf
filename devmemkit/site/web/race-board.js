"use strict";
// The board of the race: how a moment of it is drawn. It decides nothing; race-view.js does.
var RaceBoard = (function ({ data }) {
  const ACTORS = {
    process: { key: "←", call: "mmap()" },
    driver: { key: "→", call: "request_mem_region()" },
    clock: { key: "↓", call: "" },
  };
  const FILES = { devmem: "/dev/mem", sysfs: "sysfs resource2" };

  function make(tag, attributes, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name === "onclick" || name === "onchange") made.addEventListener(name.slice(2), value);
      else made.setAttribute(name, value);
    }
    made.append(...children);
    return made;
  }

  /** A name in code that may break behind each underscore. */
  function named(move) {
    const code = make("code", { class: move.isOurs ? "ours" : "" });
    if (move.isOurs) code.title = "a step of a proposal: no kernel has it";
    move.name.split(/(?<=[a-z]{3}_)/).forEach((part, at) => code.append(at ? make("wbr", {}) : "", part));
    return code;
  }

  function capital(text) {
    return text[0].toUpperCase() + text.slice(1);
  }

  const selects = {};
  const steps = {};
  const levels = make("ol", {});
  const title = make("h3", {});
  const brief = make("p", { class: "brief" });
  const square = make("div", { class: "page" });
  const rows = make("ol", { class: "rows", "aria-label": "The schedule so far" });
  const said = make("p", { class: "said", role: "status", "aria-live": "polite" });
  const next = make("button", { type: "button", class: "next" }, "Next level");
  const undo = make("button", { type: "button" }, "Undo ", make("kbd", {}, "↑"));
  const count = make("p", { class: "count" });

  /** Put the board into the page; `on` has what happens: act(name), choose(level), change(name). */
  function build(game, on) {
    data.levels.forEach((level, at) => {
      const onclick = () => on.choose(at + 1);
      const mark = [make("span", { "aria-hidden": "true" }), make("span", { class: "hidden" })];
      levels.append(make("li", {}, make("button", { type: "button", onclick }, ...mark, level.title)));
    });
    const policies = [...new Set(data.options.map(([policy]) => policy))];
    const choices = make("div", { class: "choices" },
      select("kernel", "Kernel", Object.keys(data.kernels), (name) => `Linux ${name}`, on),
      select("policy", "Policy", policies, (name) => name, on),
      select("repair", "Repair of the mmap", Object.keys(data.repairs), (name) => name || "none", on),
      select("via", "Mapped through", data.vias, (name) => FILES[name], on));
    for (const [actor, { key }] of Object.entries(ACTORS)) {
      const onclick = () => on.act(actor);
      steps[actor] = make("button", { type: "button", class: `step ${actor}`, onclick });
      steps[actor].dataset.key = key;
    }
    const tool = (label, key, what) =>
      make("button", { type: "button", onclick: () => on.act(what) }, label, make("kbd", {}, key));
    undo.addEventListener("click", () => on.act("undo"));
    next.addEventListener("click", () => on.act("next"));
    const tools = make("div", { class: "tools" }, undo, tool("Start again ", "R", "restart"),
      tool("Let the explorer find it ", "F", "find"), tool("It cannot be done ", "I", "impossible"));
    const console = make("div", { class: "console" },
      head("process"), head("driver"), steps.process, square, steps.driver, steps.clock);
    game.replaceChildren(
      make("nav", { class: "levels", "aria-label": "Levels" }, levels),
      make("div", { class: "board" }, title, brief, choices, console,
        make("div", { class: "saying" }, said, next), tools, legend(), rows, count));
  }

  /** The meaning of the page's colours, and of its frame's. */
  function legend() {
    const swatch = (page, region, text, title) => make("li", { title },
      make("span", { "data-page": page, "data-region": region, class: "swatch" }), text);
    const pages = ["filled", "live", "zapped", "surviving"].map((page) =>
      swatch(page, page === "surviving" ? "claimed" : "idle", page, data.pages[page]));
    const regions = ["claiming", "claimed"].map((region) =>
      swatch("unmapped", region, `region ${region}`, data.regions[region]));
    return make("ul", { class: "legend", "aria-label": "Colours of the page" }, ...pages, ...regions);
  }

  function head(actor) {
    const call = make("code", {}, ACTORS[actor].call);
    return make("h4", { class: actor }, capital(actor), " ", call);
  }

  function select(name, label, values, says, on) {
    selects[name] = make("select", { onchange: () => on.change(name) });
    for (const value of values) selects[name].append(make("option", { value }, says(value)));
    return make("label", {}, label, selects[name]);
  }

  /** Draw a moment: its choice, graph, played schedule, text and look ("", "bad", "good"). */
  function draw(moment) {
    drawChoice(moment);
    drawConsole(moment);
    drawRows(moment);
    said.textContent = moment.text;
    said.className = `said ${moment.look}`;
    next.hidden = !(moment.look && moment.choice.level && data.levels[moment.choice.level]);
    undo.setAttribute("aria-disabled", String(!moment.played.steps.length));
    const all = moment.graph.states.length;
    count.textContent = `You have been in ${moment.seen.size} of the ${all} states of this race.`;
  }

  function drawChoice({ choice, solved }) {
    const marks = { won: ["✓", "done: "], none: ["∅", "shown impossible: "] };
    [...levels.children].forEach(({ firstChild: button }, at) => {
      const [mark, words] = marks[solved.get(at + 1)] || [String(at + 1), ""];
      button.setAttribute("aria-current", String(choice.level === at + 1));
      button.children[0].className = solved.get(at + 1) || "";
      button.children[0].textContent = mark;
      button.children[1].textContent = words;
      if (choice.level === at + 1) levels.parentNode.scrollLeft = button.offsetLeft - 32; // phones
    });
    for (const name of Object.keys(selects)) selects[name].value = choice[name];
    const level = data.levels[choice.level - 1];
    const own = choice.policy === data.options[0][0];
    const policy = own ? data.kernels[choice.kernel].policy : choice.policy;
    const repair = choice.repair ? ` Repair: ${data.repairs[choice.repair]}.` : "";
    title.textContent = level ? level.title : `Free play on Linux ${choice.kernel}`;
    brief.textContent = level ? level.says : `${policy}: ${data.policies[policy]}.${repair}`;
  }

  function drawConsole({ graph, played, state }) {
    const { page, region, lock } = Race.momentOf(graph, state);
    Object.assign(square.dataset, { page, region });
    square.replaceChildren(make("strong", {}, page), make("span", {}, `region ${region}`),
      make("span", {}, lock ? `rmap lock: ${lock}` : ""));
    for (const [actor, button] of Object.entries(steps)) {
      const move = Race.moveOf(graph, state, actor);
      const isFree = move.to !== undefined;
      const name = isFree ? named(move) : make("code", {}, move.waits ? "waits" : "done");
      button.hidden = !graph.actors.includes(actor);
      button.setAttribute("aria-disabled", String(!isFree));
      button.replaceChildren(make("span", { class: "hidden" }, `${actor}, next step: `), name,
        make("small", {}, isFree ? move.says : move.waits || "has nothing left to do"),
        make("kbd", {}, button.dataset.key));
    }
  }

  /** The steps taken, and below them those that each actor would take next, were it alone. */
  function drawRows({ graph, played, state, circle }) {
    const last = played.steps.length;
    const taken = played.steps.map((step, at) => {
      const { page, region } = Race.momentOf(graph, played.states[at + 1]);
      const isCircle = circle >= 0 && (at + 1 === circle || at + 1 === last);
      const look = `${step.actor}${isCircle ? " circle" : ""}${at + 1 === last ? " last" : ""}`;
      const ribbon = make("span", { class: "ribbon", "data-page": page, "data-region": region },
        make("span", { class: "hidden" }, page));
      const title = `${capital(step.actor)} ${step.says}. ${data.pages[page]}`;
      return make("li", { class: look, title },
        make("span", { class: "hidden" }, `${step.actor}: `), card(step, "what"), ribbon);
    });
    const alone = graph.actors.slice(0, 2).map((actor) => [actor, Race.alone(graph, state, actor)]);
    const coming = [];
    for (let at = 0; alone.some(([, moves]) => at < moves.length); at += 1) {
      const cards = alone.filter(([, moves]) => moves[at]).map(([actor, moves]) =>
        card(moves[at], `what ${actor}`));
      coming.push(make("li", { class: "coming", "aria-hidden": "true" }, ...cards));
    }
    rows.replaceChildren(...taken, ...coming);
  }

  function card(step, look) {
    const failed = /^(E|SIG)[A-Z]+$/.test(step.ends) ? "failed" : "";
    const ends = step.ends ? make("b", { class: failed }, step.ends) : "";
    return make("span", { class: look }, named(step), " ", ends);
  }

  return { build, draw, selects, steps };
})(Race);
