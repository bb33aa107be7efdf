// The worker in which Python runs. It starts Pyodide from the scripts in runtime/, then answers
// messages {id, message} by {id, answer}, in order; both are JSON texts of site/live/dispatch.py.
// Meanwhile {id, progress} says what is done.
const folder = new URL("runtime/", import.meta.url);

async function unpacked(name) {
  const { default: text } = await import(new URL(name, folder));
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let at = 0; at < letters.length; at++) bytes[at] = letters.charCodeAt(at);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

async function start() {
  const say = (stage) => postMessage({ stage });
  say("fetching Python");
  const [{ loadPyodide }, { default: lockFileContents }, wasm, stdlib, zip] = await Promise.all([
    import(new URL("pyodide.mjs", folder)),
    import(new URL("lock.js", folder)),
    ...["wasm.js", "stdlib.js", "package.js"].map(unpacked),
  ]);
  say("starting Python");
  // The page's policy allows no fetch: what Pyodide asks for is here already.
  const have = { "pyodide.asm.wasm": [wasm, "application/wasm"], "python_stdlib.zip": [stdlib] };
  self.fetch = async (url) => {
    const [content, type] = have[String(url).split("/").pop()];
    return new Response(content, { headers: { "Content-Type": type ?? "application/zip" } });
  };
  const python = await loadPyodide({ indexURL: folder.href, lockFileContents });
  say("reading the model");
  python.unpackArchive(zip, "zip");
  python.runPython("import sys; sys.dont_write_bytecode = True");
  return python.pyimport("devmemkit.site.live.dispatch").handle;
}

const handle = start();
handle.then(
  () => postMessage({ live: true }),
  (error) => postMessage({ failed: String(error) }),
);
onmessage = async ({ data: { id, message } }) => {
  const answered = await handle;
  try {
    const progress = (said) => { postMessage({ id, progress: said }); };
    postMessage({ id, answer: answered(message, progress) });
  } catch (error) {
    postMessage({ id, failed: String(error) });
  }
};
