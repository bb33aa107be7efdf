"use strict";
// What a visitor does on the board of the race: steps, undo, levels, switches, keys, links.
(function ({ data }) {
  const game = document.getElementById("race-game");
  if (!game) return;
  const PACE = 420; // ms from step to step of a schedule that plays itself
  const KEYS = {
    ArrowLeft: "process", u: "process", ArrowRight: "driver", c: "driver", ArrowDown: "clock",
    t: "clock", ArrowUp: "undo", Backspace: "undo", z: "undo", r: "restart", f: "find",
    i: "impossible",
  };
  const START = { level: 1 };
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
  const solved = new Map(); // by level: "won", or "none" where it was shown impossible
  let choice, goal, graph, played;
  let seen; // the states of this graph in which the visitor has been
  let timer = 0;
  let isFirst = true; // the first board leaves the page's address alone

  function press(event) {
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const isOther = event.target.closest("select, nav") || event.ctrlKey || event.metaKey;
    const isHere = KEYS[key] !== "clock" || graph.actors.includes("clock");
    if (isOther || event.altKey || !KEYS[key] || !isHere) return;
    event.preventDefault();
    act(KEYS[key]);
  }

  function act(what) {
    window.clearInterval(timer);
    const actors = played.steps.map((step) => step.actor);
    const move = Race.moveOf(graph, played.states[actors.length], what);
    if (what === "next") {
      choose({ level: choice.level + 1 }, []);
      RaceBoard.steps.process.focus();
    } else if (what === "find") playShortest();
    else if (what === "impossible") judge();
    else if (what === "restart") show([], "You are back at the start.");
    else if (what === "undo") {
      const last = played.steps[actors.length - 1];
      const text = last ? `Undone: the ${last.actor}'s ${last.name}.` : "There is nothing to undo.";
      show(actors.slice(0, -1), text);
    } else if (move.to !== undefined) show([...actors, what]);
    else show(actors, `The ${what} ${move.waits || "has nothing left to do"}.`);
  }

  /** A switch was turned: play the same schedule there, as far as it can be played. */
  function change(name) {
    const wanted = { level: 0 };
    for (const one of Object.keys(RaceBoard.selects)) wanted[one] = RaceBoard.selects[one].value;
    // A repair is one of the kernel's own policy: the switch that was turned last wins.
    if (Race.optionOf(wanted.policy, wanted.repair) < 0) {
      if (name === "policy") wanted.repair = "";
      else wanted.policy = data.options[0][0];
    }
    choose(wanted, played.steps.map((step) => step.actor));
  }

  function choose(wanted, actors) {
    window.clearInterval(timer);
    choice = Race.choiceOf(wanted);
    goal = Race.goalOf(choice);
    graph = Race.graphOf(choice);
    seen = new Set();
    show(actors);
  }

  function playShortest() {
    const actors = Race.lengthen(graph.schedule);
    if (!actors.length) return tellImpossible("");
    if (calm.matches) return show(actors);
    let at = 0;
    show([], "The explorer plays its schedule.");
    timer = window.setInterval(() => {
      at += 1;
      show(actors.slice(0, at));
      if (at === actors.length) window.clearInterval(timer);
    }, PACE);
  }

  function judge() {
    const best = Race.lengthen(graph.schedule).length;
    if (!best) return tellImpossible("You are right. ");
    show(played.steps.map((step) => step.actor),
      `The explorer disagrees: it knows a schedule of ${best} steps.`);
  }

  function tellImpossible(answer) {
    if (choice.level) solved.set(choice.level, "none");
    const what = goal === "starve"
      ? "Every fair schedule brings the driver up"
      : "In none of them does the process reach what the driver has claimed";
    const missing = graph.vacuous.map((name) => ` It never happens that ${name}.`).join("");
    show(played.steps.map((step) => step.actor),
      `${answer}The explorer searched all ${graph.searched} states. ${what}.${missing}`, "good");
  }

  /** Play a schedule and draw where it leads. */
  function show(actors, text = "", look = "") {
    played = Race.play(graph, actors);
    played.states.forEach((one) => seen.add(one));
    const state = played.states[played.states.length - 1];
    const end = Race.endOf(graph, goal, played);
    if (end === "won") solved.set(choice.level, "won");
    const circle = goal === "starve" ? Race.circleOf(played) : -1;
    const said = text || (end === "won" ? victory(circle) : step(end));
    const looks = look || (end === "won" && !text ? "bad" : "");
    RaceBoard.draw({ choice, graph, played, state, circle, seen, solved, text: said, look: looks });
    const address = Race.format(choice, played.steps.map((one) => one.actor));
    if (!isFirst) window.history.replaceState(null, "", address);
  }

  function step(end) {
    const last = played.steps[played.steps.length - 1];
    if (!last) return "Nothing has happened yet. Whose step comes first?";
    const { page } = Race.momentOf(graph, played.states[played.steps.length]);
    const ends = last.ends ? ` (${last.ends})` : "";
    const over = end ? " Nobody has a step left: undo some, and try another order." : "";
    return `The ${last.actor} ${last.says}${ends}. ${data.pages[page]}${over}`;
  }

  function victory(circle) {
    const steps = played.steps.length;
    if (goal === "starve") {
      const from = circle ? `the state after step ${circle}` : "its first state";
      return `The driver is kept out: after ${steps} steps the race is back in ${from}. ` +
        "It can go round for ever, and the driver never gets the region.";
    }
    const best = Race.lengthen(graph.schedule).length;
    const compared = steps === best ? "No schedule is shorter." : `The shortest has ${best}.`;
    return `Broken in ${steps} steps. ${data.pages.surviving} ${compared}`;
  }

  function restore() {
    const found = Race.parse(window.location.hash);
    if (found) choose(found.choice, found.actors);
    else if (isFirst) choose(START, []);
    if (found && isFirst) game.scrollIntoView();
    isFirst = false;
  }

  RaceBoard.build(game, { act, change, choose: (level) => choose({ level }, []) });
  game.addEventListener("keydown", press);
  window.addEventListener("hashchange", restore);
  restore();
})(Race);
