import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Browser, CHROMIUM, openBrowser } from "./browser.ts";
import { received, status, summary } from "./fake-control.ts";
import { serve } from "./serve.ts";

if (CHROMIUM === undefined) console.warn("skipped: the status page in a browser (no Chromium here; on Debian: apt-get install chromium)");

describe.skipIf(CHROMIUM === undefined)("the status page in a browser", () => {
  let api: ReturnType<typeof serve>;
  let page: Browser;
  beforeAll(async () => {
    api = serve();
    page = await openBrowser(CHROMIUM ?? "");
  }, 120_000);
  afterAll(async () => {
    await page?.close();
    await api.close();
  });
  const text = (selector: string) => page.evaluate(`document.querySelector(${JSON.stringify(selector)})?.innerText`);

  test("asks for the token, refuses a wrong one, and keeps the right one in a cookie scripts cannot read", async () => {
    await page.navigate(api.url);
    await page.until("document.getElementById('sign-in')?.hidden === false");
    const signIn = (token: string) =>
      page.evaluate(`document.getElementById("token").value = ${JSON.stringify(token)}; document.querySelector("#sign-in button").click()`);
    await signIn("wrong");
    await page.until("document.getElementById('notice').innerText === 'This token is wrong.'");
    await signIn(api.token);
    await page.until("document.getElementById('main').hidden === false && document.querySelectorAll('#plugins > li').length === 3");
    expect(await page.evaluate("document.cookie")).toBe("");
    expect(await text("#links")).toContain("sim\nup");
    expect(await text("#summary")).toContain("0.1.0, up");
  }, 120_000);

  test("shows text from the mesh as text, live, and delivery states as they change", async () => {
    const evil = "<img src=x onerror=alert(1)><b>bold</b>\u202egnp.exe";
    api.events.emit("message_received", received(evil));
    await page.until("document.querySelector('#messages .text')?.innerText.includes('onerror=alert(1)')");
    expect(await page.evaluate("document.querySelectorAll('#messages img, #messages b').length")).toBe(0);
    expect(await page.evaluate("document.getElementById('messages').innerText.includes('\\u202e')")).toBe(false);
    api.events.emit("message_status", status({ state: "queued", text: "<i>Hello</i>" }));
    await page.until("document.querySelector('#messages .state')?.innerText === 'queued'");
    api.events.emit("message_status", status({ state: "failed", reason: "no_ack", text: "<i>Hello</i>" }));
    await page.until("document.querySelector('#messages .state')?.innerText === 'failed: no_ack'");
    expect(await page.evaluate("document.querySelectorAll('#messages .state').length")).toBe(1);
  }, 120_000);

  test("plugins: details with live errors, restart, disable, and a request reviewed before it is accepted", async () => {
    const press = (name: string, action: string) =>
      page.evaluate(`document.querySelector('[data-name="${name}"] [data-action="${action}"]').click()`);
    await press("hello_world", "details");
    await page.until("document.querySelector('[data-name=hello_world] .log')?.innerText.includes('No warnings')");
    api.log.forPlugin("hello_world").error("handler failed", { error: new RangeError("<script>boom</script>") });
    await page.until("document.querySelector('[data-name=hello_world] .log')?.innerText.includes('RangeError: <script>boom')");
    await press("hello_world", "disable");
    await page.until("document.querySelector('[data-name=hello_world] [data-action=enable]') !== null");
    expect(api.calls.findLast((call) => call.what === "disable")?.args).toEqual(["hello_world", { via: "page", address: "127.0.0.1" }]);
    api.plugins.set("waiting", summary("waiting", { state: "awaiting_approval" }));
    api.events.emit("permission_requested", { plugin: "waiting", permission: "send_messages" });
    await page.until("document.querySelector('[data-name=waiting] [data-action=review]') !== null");
    await press("waiting", "review");
    await page.until("document.querySelector('dialog')?.innerText.includes('http_requests (hosts api.weather.gov)')");
    await page.evaluate("document.querySelector('dialog [data-action=accept]').click()");
    await page.until("document.querySelector('[data-name=waiting]').innerText.includes('running')");
  }, 120_000);

  test("fits a phone, survives a reload, and signs out", async () => {
    expect(await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")).toBe(true);
    await page.evaluate("window.old = true; location.reload()");
    await page.until(
      "window.old === undefined && document.getElementById('main')?.hidden === false && document.querySelectorAll('#plugins > li').length === 3",
    );
    await page.evaluate("document.getElementById('sign-out').click()");
    await page.until("document.getElementById('sign-in')?.hidden === false");
    await page.navigate(`${api.url}/#token=${api.token}`);
    await page.evaluate("window.old = true; location.reload()");
    await page.until("window.old === undefined && document.getElementById('main')?.hidden === false && location.hash === ''");
    // A refused call is shown by the browser as an error too: those we caused are known.
    expect(page.complaints.filter((complaint) => !/status of 401/.test(complaint))).toEqual([]);
  }, 120_000);
});
