// Workers of Deno (without permissions) and of Bun (with all the program's authority), measured as peers.ts asks for.
import { readFileSync } from "node:fs";

const { hogOfThisRun, measure } = await import("./measure.mjs");

const isDeno = globalThis.Deno !== undefined;
const source = `onmessage = ({ data }) => {
  if (data.hog) ${hogOfThisRun};
  postMessage(data);
};`;
const url = isDeno
  ? `data:application/javascript,${encodeURIComponent(source)}`
  : URL.createObjectURL(new Blob([source], { type: "application/javascript" }));
const make = () => new Worker(url, isDeno ? { type: "module", deno: { permissions: "none" } } : { type: "module" });
const ask = (worker, data) =>
  new Promise((resolve) => {
    worker.onmessage = () => resolve();
    worker.postMessage(data);
  });

await measure({
  make: async () => {
    const worker = make();
    await ask(worker, { text: "b0 hello" });
    return worker;
  },
  call: (worker) => ask(worker, { text: "b0 hello", from: 2 }),
  hog: (worker) => worker.postMessage({ hog: true }),
  end: (worker) => worker.terminate(),
  read: (path) => readFileSync(path, "utf8"),
});
