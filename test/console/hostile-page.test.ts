/** Another page on the same machine, in the browser in which the operator is signed in: it learns nothing and changes nothing. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { serveControl } from "../api/serve.ts";
import { type Browser, CHROMIUM, openBrowser } from "./browser.ts";
import { type Page, pageOf } from "./pages.ts";
import { makeWorld } from "./world.ts";

/** What a page elsewhere can try; each says what it got. */
const ATTACK = `(async () => {
  const target = TARGET;
  const got = {};
  const attempt = async (name, work) => {
    try { got[name] = await Promise.race([work(), new Promise((resolve) => setTimeout(() => resolve("silence"), 1500))]); }
    catch (error) { got[name] = error.name; }
  };
  const types = ["text/plain", "application/x-www-form-urlencoded", "application/json"];
  const write = (path, method, body) => async () => {
    const seen = [];
    for (const type of types) for (const mode of ["cors", "no-cors"])
      seen.push(await fetch(target + path, { method, mode, credentials: "include", headers: { "content-type": type }, body })
        .then((answer) => answer.type === "opaque" ? "opaque" : answer.status, (error) => error.name));
    return [...new Set(seen)].sort().join(" ");
  };
  await attempt("read", async () => (await fetch(target + "/api/v1/status", { credentials: "include" })).text());
  await attempt("read without cors", async () => (await fetch(target + "/api/v1/status", { mode: "no-cors", credentials: "include" })).text());
  await attempt("silence", write("/api/v1/silence", "PUT", '{"silenced":true}'));
  await attempt("send", write("/api/v1/messages", "POST", '{"text":"evil","destination":"broadcast"}'));
  await attempt("acknowledge", write("/api/v1/alerts/1/ack", "POST", ""));
  await attempt("token", write("/api/v1/tokens", "POST", '{"name":"evil","role":"admin"}'));
  await attempt("form", () => new Promise((resolve) => {
    const frame = Object.assign(document.createElement("iframe"), { name: "sink" });
    const form = Object.assign(document.createElement("form"), { method: "post", enctype: "text/plain", target: "sink", action: target + "/api/v1/messages" });
    form.innerHTML = '<input name=\\'{"text":"evil","destination":"broadcast","x":"\\' value=\\'"}\\'>';
    frame.onload = () => resolve("loaded");
    document.body.append(frame, form);
    form.submit();
  }));
  await attempt("script", () => new Promise((resolve) => {
    const script = Object.assign(document.createElement("script"), { src: target + "/api/v1/status", onload: () => resolve("loaded"), onerror: () => resolve("refused") });
    document.body.append(script);
  }));
  await attempt("frame", () => new Promise((resolve) => {
    const frame = Object.assign(document.createElement("iframe"), { src: target + "/" });
    frame.onload = () => { try { resolve(frame.contentDocument?.body?.innerText ?? "no document"); } catch (error) { resolve(error.name); } };
    document.body.append(frame);
  }));
  await attempt("events", () => new Promise((resolve) => {
    const source = new EventSource(target + "/api/v1/events", { withCredentials: true });
    source.onopen = () => resolve("open");
    source.onerror = () => resolve("refused");
  }));
  return got;
})()`;

describe.skipIf(CHROMIUM === undefined)("a hostile page", () => {
  let api: ReturnType<typeof serveControl<ReturnType<typeof makeWorld>>>;
  let other: ReturnType<typeof Bun.serve>;
  let browser: Browser;
  let page: Page;
  beforeAll(async () => {
    api = serveControl(makeWorld({ nodes: 5, plugins: 2, received: 5 }));
    other = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: () => new Response("<!doctype html><title>games</title><body>", { headers: { "content-type": "text/html" } }),
    });
    browser = await openBrowser(CHROMIUM ?? "");
    page = pageOf(browser);
    await browser.navigate(`${api.url}/#token=${api.token}`);
    await page.shows("h1", "Overview");
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await other?.stop(true);
    await api?.close();
  });

  test.each(["127.0.0.1", "localhost"])(
    "at http://%s on another port learns nothing, and changes nothing",
    async (host) => {
      const tokens = async () => (await (await api.call("/api/v1/tokens")).text()) as string;
      const [calls, before] = [api.calls.length, await tokens()];
      await browser.navigate(`http://${host}:${other.port}/`);
      await browser.until("document.title === 'games'");
      const got = (await browser.evaluate(ATTACK.replace("TARGET", JSON.stringify(api.url)))) as Record<string, string>;
      expect(got).toMatchObject({ read: "TypeError", "read without cors": "TypeError", script: "refused", events: "refused" });
      for (const what of ["silence", "send", "acknowledge", "token"])
        expect([what, got[what]]).toEqual([what, expect.stringMatching(/^(?:opaque )?TypeError$/)]);
      expect(got.frame).not.toContain("Overview");
      expect([api.calls.slice(calls), await tokens()]).toEqual([[], before]);
      // The operator's own page goes on.
      await browser.navigate(`${api.url}/`);
      await page.shows("h1", "Overview");
    },
    60_000,
  );
});
