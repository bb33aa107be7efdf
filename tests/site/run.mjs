// The site's own Python under node: node run.mjs SITE SCRATCH/ answers SCRATCH/messages.json, a list,
// by SCRATCH/answers.json.
import { readFileSync, writeFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { pathToFileURL } from "node:url";

const folder = `${process.argv[2]}/runtime/`;
// What a script exports is JSON: the extension .js says nothing to node.
const load = (name) => {
  const text = readFileSync(folder + name, "utf-8");
  return JSON.parse(text.slice("export default ".length, text.lastIndexOf(";")));
};
const unpacked = (name) => gunzipSync(Buffer.from(load(name), "base64"));
const files = { "pyodide.asm.wasm": "wasm.js", "python_stdlib.zip": "stdlib.js" };
const { loadPyodide } = await import(pathToFileURL(`${folder}pyodide.mjs`));
for (const [name, script] of Object.entries(files)) {
  writeFileSync(process.argv[3] + name, unpacked(script));
}
const python = await loadPyodide({
  indexURL: process.argv[3],
  lockFileContents: load("lock.js"),
  createPyodideModule: (await import(pathToFileURL(`${folder}pyodide.asm.mjs`))).default,
});
python.unpackArchive(new Uint8Array(unpacked("package.js")), "zip");
python.runPython("import sys; sys.dont_write_bytecode = True");
const handle = python.pyimport("devmemkit.site.live.dispatch").handle;
const messages = JSON.parse(readFileSync(`${process.argv[3]}messages.json`, "utf-8"));
const answers = messages.map((one) => JSON.parse(handle(JSON.stringify(one))));
writeFileSync(`${process.argv[3]}answers.json`, JSON.stringify(answers));
