"use strict";
// The race as graphs of states that the explorer searched when the site was built (RACE, in
// race-data.js). Nothing here knows a rule of the kernel: a step leads where the graph says.
var Race = (function (data) {
  const LETTERS = { U: "process", C: "driver", t: "clock" };

  function letterOf(actor) {
    return Object.keys(LETTERS).find((letter) => LETTERS[letter] === actor);
  }

  /** The policies and repairs that go together, as places in `data.options`. */
  function optionOf(policy, repair) {
    return data.options.findIndex(([one, other]) => one === policy && other === repair);
  }

  /** A choice: level (0 for none), via, kernel, policy, repair; unknown names become known ones. */
  function choiceOf(wanted) {
    const number = Number(wanted.level);
    if (data.levels[number - 1]) {
      const { via, kernel, policy, repair } = data.levels[number - 1];
      return { level: number, via, kernel, policy, repair };
    }
    const pick = (name, known, other) => (known.includes(name) ? name : other);
    const via = pick(wanted.via, data.vias, data.vias[0]);
    const kernel = pick(wanted.kernel, Object.keys(data.kernels), "6.12");
    const known = optionOf(wanted.policy, wanted.repair) >= 0;
    const [policy, repair] = known ? [wanted.policy, wanted.repair] : data.options[0];
    return { level: 0, via, kernel, policy, repair };
  }

  function levelOf(choice) {
    return data.levels[choice.level - 1];
  }

  function goalOf(choice) {
    return choice.level ? levelOf(choice).goal : "reach";
  }

  /** The graph of a choice, with its kernel's names for the steps. */
  function graphOf(choice) {
    const { race, functions } = data.kernels[choice.kernel];
    const row = data.vias.indexOf(choice.via) * data.races + race;
    const place = row * data.options.length + optionOf(choice.policy, choice.repair);
    const found = choice.level ? levelOf(choice).graph : data.choices[place];
    return { ...data.graphs[found], functions };
  }

  /** The page, the region and who has the rmap lock, in words. */
  function momentOf(graph, state) {
    const [page, region, lock] = data.moments[graph.states[state]];
    return { page, region, lock };
  }

  /** What an actor can do in a state: a step (`to`, `name`, `says`, ...), `waits`, or `done`. */
  function moveOf(graph, state, actor) {
    const place = 2 * graph.actors.indexOf(actor);
    const [to, what] = graph.moves[state].slice(place, place + 2);
    if (place < 0 || to === -2) return { done: true };
    if (to === -1) return { waits: data.waits[what] };
    const [step, ends] = data.labels[what];
    const [name, says] = data.steps[step];
    const named = graph.functions[step];
    return { actor, to, name: named || name, isOurs: !named, says, ends };
  }

  /** The states and steps of a schedule, as far as it can be played. */
  function play(graph, actors) {
    const states = [0];
    const steps = [];
    for (const actor of actors) {
      const move = moveOf(graph, states[states.length - 1], actor);
      if (move.to === undefined) break;
      states.push(move.to);
      steps.push(move);
    }
    return { states, steps };
  }

  /** The steps that an actor would take from a state if no other took one, some of them at most. */
  function alone(graph, state, actor) {
    const moves = [];
    let move = moveOf(graph, state, actor);
    while (move.to !== undefined && moves.length < 10) {
      moves.push(move);
      move = moveOf(graph, move.to, actor);
    }
    return moves;
  }

  /** Where the circle begins that the last step has closed, with steps of process and driver. */
  function circleOf(played) {
    const last = played.states.length - 1;
    for (let at = last - 1; at >= 0; at -= 1) {
      if (played.states[at] !== played.states[last]) continue;
      const actors = played.steps.slice(at).map((step) => step.actor);
      if (actors.includes("process") && actors.includes("driver")) return at;
    }
    return -1;
  }

  /** "won", "over" when nobody can take a step, else "". */
  function endOf(graph, goal, played) {
    const state = played.states[played.states.length - 1];
    if (goal === "starve" && circleOf(played) >= 0) return "won";
    if (goal === "reach" && momentOf(graph, state).page === "surviving") return "won";
    const isOver = graph.actors.every((actor) => moveOf(graph, state, actor).to === undefined);
    return isOver ? "over" : "";
  }

  /** A schedule in short, and back: "U6C4U2" is six steps of the process, four of the driver, ... */
  function shorten(actors) {
    const text = actors.map(letterOf).join("");
    return text.replace(/(.)\1*/g, (run) => run[0] + run.length);
  }

  function lengthen(text) {
    const actors = [];
    for (const [, letter, count] of String(text).matchAll(/([UCt])(\d{1,3})/g)) {
      for (let n = 0; n < Number(count); n += 1) actors.push(LETTERS[letter]);
    }
    return actors;
  }

  /** The part of the page's address behind #: the choice and the schedule. */
  function format(choice, actors) {
    const { level, via, kernel, policy, repair } = choice;
    const said = level ? { level } : { via, kernel, policy, repair };
    return "#race?" + new URLSearchParams({ ...said, steps: shorten(actors) });
  }

  /** The choice and the schedule of an address; null for one of another part of the page. */
  function parse(hash) {
    if (!hash.startsWith("#race?")) return null;
    const said = Object.fromEntries(new URLSearchParams(hash.slice("#race?".length)));
    return { choice: choiceOf(said), actors: lengthen(said.steps || "") };
  }

  return {
    data, choiceOf, goalOf, graphOf, momentOf, moveOf, play, alone, circleOf, endOf, lengthen,
    format, parse, optionOf,
  };
})(RACE);
