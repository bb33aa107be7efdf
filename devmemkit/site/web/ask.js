"use strict";
// "Why did I get EPERM?": the box, what was recognized in it, the map, the answer. Every answer is
// Python's; the first one was made when the site was built.
(() => {
  const LONG = 200_000; // letters: a text area with more makes the page slow
  const by = (id) => document.getElementById(id);
  const form = by("ask-form");
  if (!form) return;
  const paste = by("ask-paste");
  const status = by("ask-status");
  const answer = by("ask-answer");
  const example = JSON.parse(by("ask-example").textContent);
  let large = ""; // a pasted text that is too long to be shown
  let told = example.answer; // the answer that is shown
  let asking = 0; // the number of the question that is asked
  let timer = 0;

  const text = () => (large ? `${paste.value}\n${large}` : paste.value);
  const fields = () => Object.fromEntries(
    [...new FormData(form)].filter(([name, value]) => name !== "paste" && value.trim()),
  );

  function show(found) {
    told = found;
    by("ask-parts").replaceChildren(
      ...(found.parts ?? []).map(({ html, refused }) => {
        const part = dk.element("li", { className: refused ? "bad" : "" });
        part.innerHTML = refused ? `${html}. Not read: ${refused}` : html; // escaped by Python
        return part;
      }),
    );
    if (found.error)
      answer.replaceChildren(dk.element("p", { className: "bad", textContent: found.error }));
    else answer.innerHTML = found.html; // made by site/live/answer.py, which escapes every text
    by("ask-copy").disabled = !found.text;
    showMap(found.map ?? {});
  }

  function showMap(map) {
    const shown = map.svg
      ? [dk.picture(map, { rows: map.rows, onrow: ({ address }) => about(address) })]
      : [];
    if (map.note) shown.push(dk.element("p", { textContent: map.note }));
    const box = by("ask-map");
    const hadFocus = box.contains(document.activeElement);
    box.replaceChildren(...shown);
    const buttons = [...box.querySelectorAll("button")];
    const marked = buttons[map.marked];
    if (hadFocus) (marked ?? buttons[0])?.focus({ preventScroll: true });
    if (!marked) return;
    for (const one of buttons) one.tabIndex = one === marked ? 0 : -1;
    marked.setAttribute("aria-current", "true");
    box.scrollTop = marked.offsetTop - box.clientHeight / 2; // and the page stays where it is
  }

  function about(address) {
    form.elements.address.value = address;
    form.elements.got.value = "";
    ask({ brought: true });
  }

  const isExample = () => paste.value === example.paste && !large;

  // Typing leaves the page where it is; what came at once (`brought`) also shows its answer.
  async function ask({ brought = false } = {}) {
    const mine = ++asking;
    status.textContent = "asking …";
    by("ask-cancel").hidden = false;
    try {
      const progress = (said) => { if (mine === asking) status.textContent = `${said} …`; };
      const found = await dk.python.ask({ do: "ask", paste: text(), ...fields() }, progress);
      if (mine !== asking) return; // a later question was asked meanwhile
      show(found);
      status.textContent = found.error ? "This cannot be asked." : "Answered.";
      const { top, bottom } = answer.getBoundingClientRect();
      const middle = innerHeight / 2;
      if (brought && (top > middle || bottom < middle)) by("ask-parts").scrollIntoView();
    } catch (error) {
      if (mine === asking) status.textContent = error.message;
    }
    if (mine === asking) by("ask-cancel").hidden = true;
  }

  function soon(event) {
    clearTimeout(timer);
    const brought = event.inputType === "insertFromPaste";
    timer = setTimeout(ask, 250, { brought }); // when nothing was typed for a moment
  }

  function take(more) {
    const shown = isExample() ? 0 : paste.value.length;
    if (shown + more.length <= LONG) return false;
    if (!shown) paste.value = "";
    large += `${more}\n`;
    const size = (large.length / 1e6).toFixed(1);
    by("ask-large").textContent = `and ${size} million letters that are not shown`;
    ask({ brought: true });
    return true;
  }

  async function read(files) {
    if (isExample()) paste.value = "";
    for (const file of files) {
      const more = await file.text();
      if (!take(more)) paste.value += `${paste.value && "\n"}${more}`;
    }
    ask({ brought: true });
  }

  paste.addEventListener("paste", (event) => {
    if (isExample()) paste.select(); // what is pasted takes its place
    if (take(event.clipboardData.getData("text"))) event.preventDefault();
  });
  paste.addEventListener("dragover", (event) => event.preventDefault());
  paste.addEventListener("drop", (event) => {
    event.preventDefault();
    const { files } = event.dataTransfer;
    if (files.length) return read(files);
    const more = event.dataTransfer.getData("text");
    if (isExample()) paste.value = "";
    if (!take(more)) paste.value += more;
    ask({ brought: true });
  });
  by("ask-files").addEventListener("change", (event) => read(event.target.files));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask();
  });
  form.addEventListener("input", (event) => event.target.type !== "file" && soon(event));
  by("ask-clear").addEventListener("click", () => {
    form.reset();
    large = by("ask-large").textContent = "";
    asking++;
    show({ map: {}, html: "<p>Nothing is pasted.</p>" });
    status.textContent = "";
    paste.focus();
  });
  by("ask-copy").addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(told.text);
      status.textContent = "Copied.";
    } catch {
      // Without https the browser offers no clipboard: the text is shown, selected.
      const shown = dk.element("pre", { textContent: told.text, tabIndex: 0 });
      answer.prepend(shown);
      getSelection().selectAllChildren(shown);
      status.textContent = "The text is selected: copy it.";
    }
  });
  by("ask-cancel").addEventListener("click", () => dk.python.cancel());
  for (const one of document.querySelectorAll(".needs-script")) one.hidden = false;
  if (paste.value === example.paste) showMap(example.answer.map);
  else ask(); // what the browser kept of an earlier visit
})();
