import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** Debian's headless Chromium, where it is installed. */
export const CHROMIUM = PLACES.find((path) => existsSync(path));

const KEY_CODES: Readonly<Record<string, number>> = { Tab: 9, Enter: 13, Escape: 27 };

/** One page of a browser, driven by its own debugging protocol. */
export interface Browser {
  /** Evaluates an expression in the page, awaiting it; the value as JSON. */
  evaluate(expression: string): Promise<unknown>;
  /** Evaluates until it is true. */
  until(expression: string): Promise<void>;
  navigate(url: string): Promise<void>;
  /** The viewport, in CSS pixels; `dark` as the preferred colours. */
  look(width: number, height: number, scheme?: "dark" | "light"): Promise<void>;
  /** A PNG of the viewport. */
  screenshot(): Promise<Buffer>;
  /** Puts a file into a file field. */
  upload(selector: string, path: string): Promise<void>;
  /** Presses a key: `Tab`, `Enter`, `Escape`, or a character. */
  press(key: string): Promise<void>;
  /** Console errors and uncaught exceptions so far, violations of the content policy among them. */
  readonly complaints: string[];
  close(): Promise<void>;
}

export async function openBrowser(path: string): Promise<Browser> {
  const profile = mkdtempSync(join(tmpdir(), "browser-"));
  const flags = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--remote-debugging-port=0",
    `--user-data-dir=${profile}`,
  ];
  const child = Bun.spawn([path, ...flags, "about:blank"], {
    stdout: "ignore",
    stderr: "pipe",
    env: { HOME: profile, PATH: process.env.PATH ?? "" },
  });
  const port = await debuggingPort(child.stderr);
  const targets = (await (await fetch(`http://127.0.0.1:${port}/json/list`)).json()) as { type: string; webSocketDebuggerUrl: string }[];
  const socket = new WebSocket(targets.find((target) => target.type === "page")?.webSocketDebuggerUrl ?? "");
  await new Promise((resolve) => socket.addEventListener("open", resolve, { once: true }));
  const complaints: string[] = [];
  const waiting = new Map<number, (message: ReturnType<typeof JSON.parse>) => void>();
  let last = 0;
  socket.addEventListener("message", (event) => {
    const message = JSON.parse(String(event.data));
    waiting.get(message.id)?.(message);
    waiting.delete(message.id);
    if (message.method === "Runtime.exceptionThrown")
      complaints.push(message.params.exceptionDetails.exception?.description ?? "exception");
    if (message.method === "Log.entryAdded" && message.params.entry.level === "error") complaints.push(message.params.entry.text);
  });
  const send = (method: string, params: object = {}) =>
    new Promise<ReturnType<typeof JSON.parse>>((resolve) => {
      last += 1;
      waiting.set(last, resolve);
      socket.send(JSON.stringify({ id: last, method, params }));
    });
  for (const domain of ["Runtime", "Log", "Page"]) await send(`${domain}.enable`);
  const evaluate = async (expression: string) => {
    const { result } = await send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    // The page went away meanwhile: a reload.
    if (result === undefined) return undefined;
    if (result.exceptionDetails !== undefined) throw new Error(`${expression}: ${result.exceptionDetails.exception?.description}`);
    return result.result.value as unknown;
  };
  return {
    complaints,
    evaluate,
    async until(expression) {
      for (let i = 0; i < 400; i++) {
        if ((await evaluate(expression)) === true) return;
        await Bun.sleep(50);
      }
      throw new Error(
        `never became true: ${expression}; the page shows: ${await evaluate("document.body.innerText")}; ${complaints.join("; ")}`,
      );
    },
    navigate: (url) => send("Page.navigate", { url }),
    async look(width, height, scheme = "dark") {
      await send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: width < 600 });
      await send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
    },
    async screenshot() {
      const { result } = await send("Page.captureScreenshot", { format: "png", optimizeForSpeed: false });
      return Buffer.from(result.data, "base64");
    },
    async upload(selector, path) {
      const { result } = await send("Runtime.evaluate", { expression: `document.querySelector(${JSON.stringify(selector)})` });
      await send("DOM.setFileInputFiles", { files: [path], objectId: result.result.objectId });
    },
    async press(key) {
      const text = key.length === 1 ? { text: key } : key === "Enter" ? { text: "\r" } : {};
      const code = KEY_CODES[key] ?? 0;
      await send("Input.dispatchKeyEvent", { type: "keyDown", key, windowsVirtualKeyCode: code, ...text });
      await send("Input.dispatchKeyEvent", { type: "keyUp", key, windowsVirtualKeyCode: code });
    },
    async close() {
      // Orderly, so that its helper processes go with it; then force.
      void send("Browser.close");
      const force = setTimeout(() => child.kill("SIGKILL"), 5000);
      await child.exited;
      clearTimeout(force);
      socket.close();
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

async function debuggingPort(stderr: ReadableStream<Uint8Array>): Promise<string> {
  const reader = stderr.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const port = /DevTools listening on ws:\/\/127\.0\.0\.1:(\d+)\//.exec(text)?.[1];
    if (port !== undefined) {
      // The rest is let through, so that the browser does not stop at a full pipe.
      void (async () => {
        while (!(await reader.read()).done);
      })();
      return port;
    }
    const chunk = await reader.read();
    if (chunk.done) throw new Error(`the browser ended: ${text}`);
    text += decoder.decode(chunk.value, { stream: true });
  }
}
