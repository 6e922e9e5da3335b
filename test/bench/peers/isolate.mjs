// isolated-vm on Node, measured as peers.ts asks for. The hog runs in a call with a timeout, which is how it is ended.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const ivm = createRequire(`${process.argv[2]}/`)("isolated-vm");
const { hogOfThisRun, measure } = await import("./measure.mjs");
await measure({
  make: async () => {
    const isolate = new ivm.Isolate({ memoryLimit: 16 });
    const context = await isolate.createContext();
    await context.eval("globalThis.answer = (data) => data");
    const answer = await context.global.get("answer", { reference: true });
    const one = { isolate, context, answer };
    await call(one);
    return one;
  },
  call,
  hog: ({ context }) => void context.eval(hogOfThisRun, { timeout: 100 }).catch(() => {}),
  end: ({ isolate }) => isolate.dispose(),
  read: (path) => readFileSync(path, "utf8"),
});

function call({ answer }) {
  return answer.apply(undefined, [{ text: "b0 hello", from: 2 }], { arguments: { copy: true }, result: { copy: true } });
}
