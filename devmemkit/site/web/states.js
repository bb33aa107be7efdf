"use strict";
// The states of an explorer that were computed beforehand, as site/live/states.py exports them.
// dk.states(name, controls) promises them; nothing in here knows what they mean.
window.dk ??= {};
dk.packed = {}; // by name: the text of explorers/NAME.js, base64 of a compressed JSON text
dk.states = (() => {
  // From the page itself, or from a script of its own: a page opened as a file can fetch nothing.
  function packed(name) {
    const inside = document.getElementById(`states-${name}`);
    if (inside) return inside.textContent;
    if (dk.packed[name]) return dk.packed[name];
    return new Promise((resolve, reject) => {
      const script = dk.element("script", { src: `explorers/${name}.js` });
      script.onload = () => resolve(dk.packed[name]);
      script.onerror = () => reject(new Error("its states cannot be loaded"));
      document.head.append(script);
    });
  }

  async function unpacked(text) {
    const bytes = Uint8Array.from(atob(text.trim()), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).json();
  }

  const alike = (one, other) =>
    one === other || (Math.abs(one - other) <= 1e-9 * Math.abs(other) && !!other);

  return async (name) => {
    const { tree, leaves, pool, nodes, groups, clicks } = await unpacked(await packed(name));
    let at = 0; // the node that is shown

    // The places of the values of a group's controls in a node.
    function places(group, node) {
      let rest = group.nodes.indexOf(node);
      const found = [];
      for (const values of [...group.values].reverse()) {
        found.unshift(rest % values.length);
        rest = Math.floor(rest / values.length);
      }
      return found;
    }

    const around = () => groups.filter((group) => group.nodes.includes(at));

    function target(number, field, value) {
      if (field === "click") return clicks[at][number];
      const group = around().find((one) => one.controls.includes(number));
      if (!group) return undefined;
      const control = group.controls.indexOf(number);
      const chosen = places(group, at);
      chosen[control] = group.values[control].findIndex((one) => alike(one, value));
      if (chosen[control] < 0) return undefined;
      return group.nodes[chosen.reduce((sum, one, n) => sum * group.values[n].length + one, 0)];
    }

    // Whether a choice in a widget leads somewhere from here.
    const can = (number) =>
      clicks[at][number] !== undefined || around().some((one) => one.controls.includes(number));

    const labels = {}; // by number
    (function note({ number, state, children }) {
      labels[number] = state?.description;
      children?.forEach(note);
    })(tree);

    return {
      tree,
      // The labels of each group's controls.
      computed: groups.map((group) => group.controls.map((number) => labels[number])),
      get first() { return at === 0; },
      get summary() { return nodes[at][0]; },
      // By number: the state of each widget.
      get shown() {
        const state = (number, place) => {
          const one = pool[nodes[at][place + 1]];
          if (!("disabled" in one) || one.disabled || can(number)) return one;
          return { ...one, disabled: true, reason: "needs Python in the page" };
        };
        return Object.fromEntries(leaves.map((number, place) => [number, state(number, place)]));
      },
      // False if the state that a choice leads to was not computed.
      go(number, field, value) {
        const found = target(number, field, value);
        if (found !== undefined) at = found;
        return found !== undefined;
      },
      reset() { at = 0; },
      // The changes that lead from the opening state to this one.
      get path() {
        const group = at ? around()[0] : undefined;
        const chosen = group ? places(group, at) : [];
        return chosen.map((place, n) => [group.controls[n], group.fields[n], group.values[n][place]]);
      },
    };
  };
})();
