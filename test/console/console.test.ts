import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { received, status } from "../api/fake-control.ts";
import { serveControl } from "../api/serve.ts";
import { type Browser, CHROMIUM, openBrowser } from "./browser.ts";
import { makeWorld } from "./world.ts";

if (CHROMIUM === undefined) console.warn("skipped: the console in a browser (no Chromium here; on Debian: apt-get install chromium)");

describe.skipIf(CHROMIUM === undefined)("the console in a browser", () => {
  let api: ReturnType<typeof serveControl<ReturnType<typeof makeWorld>>>;
  let page: Browser;
  beforeAll(async () => {
    api = serveControl(makeWorld({ nodes: 12, plugins: 8, received: 20 }));
    page = await openBrowser(CHROMIUM ?? "");
    await page.look(1280, 900);
  }, 120_000);
  afterAll(async () => {
    await page?.close();
    await api.close();
  });
  const text = (selector: string) => page.evaluate(`document.querySelector(${JSON.stringify(selector)})?.innerText`);
  const click = (selector: string) => page.evaluate(`document.querySelector(${JSON.stringify(selector)}).click()`);
  const shows = (selector: string, words: string) =>
    page.until(
      `[...document.querySelectorAll(${JSON.stringify(selector)})].some((each) => each.innerText.includes(${JSON.stringify(words)}))`,
    );
  const write = (selector: string, value: string) =>
    page.evaluate(`{ const field = document.querySelector(${JSON.stringify(selector)}); field.value = ${JSON.stringify(value)};
      field.dispatchEvent(new Event("input", { bubbles: true })); }`);

  test("asks for the token, refuses a wrong one, and keeps the right one in a cookie scripts cannot read", async () => {
    await page.navigate(api.url);
    await page.until("document.getElementById('token') !== null");
    await write("#token", "wrong");
    await click(".sign-in button");
    await shows(".problem", "This token is wrong.");
    await write("#token", api.token);
    await click(".sign-in button");
    await shows("h1", "Overview");
    expect(await page.evaluate("document.cookie")).toBe("");
    await shows("[data-link=roof]", "up");
    await shows("[data-link=roof]", "12 %");
  }, 120_000);

  test("an SOS comes first and stays until it is acknowledged", async () => {
    await shows(".alerts li:first-child", "SOS");
    await page.evaluate("location.hash = '#/messages'");
    await shows("h1", "Messages");
    await page.evaluate("location.hash = '#/overview'");
    await shows(".alerts li:first-child", "broken leg");
    await click(".alerts li.sos button");
    await page.until("document.querySelector('.alerts li.sos') === null");
    expect(api.calls.findLast((call) => call.what === "acknowledge")?.args).toEqual([
      "a1",
      { via: "page", address: "127.0.0.1", token: "api-token" },
    ]);
  }, 120_000);

  test("shows text from the mesh as text, live, unread until it is seen, and delivery states as they change", async () => {
    const evil = "<img src=x onerror=alert(1)><b>bold</b>\u202egnp.exe";
    await page.evaluate("location.hash = '#/messages/c/roof/0'");
    await shows("#thread-title", "LongFast");
    const now = Date.now();
    api.events.emit("message_received", received(evil, { link: "roof", isDirect: false, to: 0xffffffff as never, receivedAt: now }));
    await shows(".history .text", "onerror=alert(1)");
    expect(await page.evaluate("document.querySelectorAll('.history img, .history b').length")).toBe(0);
    expect(await page.evaluate("document.body.innerText.includes('\\u202e')")).toBe(false);
    const one = { id: "m_live000000000000000000000", to: 0xffffffff as never, link: "roof", queuedAt: now, text: "<i>Hello</i>" };
    api.events.emit("message_status", status({ ...one, state: "queued", held: "channel_busy" }));
    await shows(".history .ours [data-state=queued]", "Waits: the radio channel is busy");
    api.events.emit("message_status", status({ ...one, state: "failed", reason: "not_heard" }));
    await shows(".history .ours [data-state=failed]", "nobody acknowledged it");
    expect(await page.evaluate("document.querySelectorAll('[data-id=m_live000000000000000000000]').length")).toBe(1);
    api.events.emit(
      "message_received",
      received("over there", {
        link: "roof",
        channel: 1 as never,
        packetId: 5,
        isDirect: false,
        to: 0xffffffff as never,
        receivedAt: now + 1,
      }),
    );
    await page.until("document.querySelector('.conversations .unread .count')?.innerText.startsWith('1')");
    await page.until("document.title.startsWith('(1) ')");
  }, 120_000);

  test("sends what is written, to where it is written, with its size in bytes and parts", async () => {
    await write("#compose", "Grüezi 🏔️");
    await shows("#compose-size", "15 of 200 bytes");
    await write("#compose", "ü".repeat(150));
    await shows("#compose-size", "300 of 200 bytes, 2 parts");
    await write("#compose", "x".repeat(2000));
    await page.until("document.querySelector('.compose button').disabled");
    await write("#compose", "Path is open");
    await click(".compose button");
    await shows(".history .ours", "Path is open");
    expect(api.calls.findLast((call) => call.what === "send")?.args[0]).toMatchObject({ text: "Path is open", channel: "roof/0" });
    await page.until("document.querySelector('#compose').value === ''");
  }, 120_000);

  test("a list of objects is edited as rows: added, changed, moved, removed; each error at its field; what the form does not know stays", async () => {
    await page.evaluate("location.hash = '#/plugins/weather/settings'");
    await page.until("document.querySelector('[data-field=\"answers.0.keyword\"] input')?.value === 'hut'");
    const button = (words: string) =>
      page.evaluate(
        `[...document.querySelectorAll("[data-field=answers] button")].find((each) => each.innerText.startsWith(${JSON.stringify(words)})).click()`,
      );
    const saved = async () => {
      await click(".settings button[type=submit]");
      return api.calls.length;
    };
    await button("Add");
    await page.until("document.querySelector('[data-field=\"answers.1.loud\"] input')?.checked === true");
    await write('[data-field="answers.1.text"] input', "closed");
    await saved();
    await shows('[data-field="answers.1.keyword"] .field-error', "is missing");
    await write('[data-field="answers.1.keyword"] input', "pass");
    await write('[data-field="answers.1.channels"] textarea', "Rescue\nHut");
    await button("Down");
    await page.until("document.querySelector('[data-field=\"answers.0.keyword\"] input').value === 'pass'");
    // The text that was typed went with its row.
    expect(await page.evaluate("document.querySelector('[data-field=\"answers.0.channels\"] textarea').value")).toBe("Rescue\nHut");
    await saved();
    await shows(".notice", "Saved: ");
    const last = () => (api.calls.findLast(({ what }) => what === "setConfig")?.args[1] as { answers?: unknown } | undefined)?.answers;
    expect(last()).toEqual([
      { keyword: "pass", text: "closed", loud: true, channels: ["Rescue", "Hut"] },
      { keyword: "hut", text: "open", loud: false, kept: 1 },
    ]);
    // Saved is saved: the form is the one that goes on, at once.
    await button("Remove");
    await page.until("document.querySelector('[data-field=\"answers.1.keyword\"]') === null");
    await saved();
    // The button is disabled before the gateway has the call.
    for (let i = 0; i < 1000 && (last() as unknown[] | undefined)?.length !== 1; i++) await Bun.sleep(20);
    expect(last()).toEqual([{ keyword: "hut", text: "open", loud: false, kept: 1 }]);
    await page.evaluate("location.hash = '#/messages/c/roof/0'");
    await shows("#thread-title", "LongFast");
  }, 120_000);

  test("no edit is lost: by a look at another view, by what somebody else saves meanwhile, or by text that is no JSON yet", async () => {
    const latitude = '[data-field="latitude"] input';
    const shownIn = (selector: string) => `document.querySelector(${JSON.stringify(selector)})?.value`;
    const settings = async () => {
      await page.evaluate("location.hash = '#/plugins/weather/settings'");
      await page.until(`${shownIn(latitude)} !== undefined`);
    };
    await settings();
    await write(latitude, "48.5");
    await page.evaluate("location.hash = '#/plugins/weather/log'");
    await page.until(`${shownIn(latitude)} === undefined`);
    const headers = { authorization: `Bearer ${api.token}`, "content-type": "application/json" };
    const theirs = { method: "PUT", headers, body: JSON.stringify({ latitude: 47.25, units: "imperial" }) };
    expect((await fetch(`${api.url}/api/v1/plugins/weather/config`, theirs)).status).toBe(200);
    await settings();
    expect(await page.evaluate(shownIn(latitude))).toBe("48.5");
    // And saved by somebody else while the form is open.
    const later = { ...theirs, body: JSON.stringify({ latitude: 47.25, units: "imperial", longitude: 7 }) };
    expect((await fetch(`${api.url}/api/v1/plugins/weather/config`, later)).status).toBe(200);
    await write('[data-field="raw"] textarea', '[{ "a": ');
    await click(".settings button[type=submit]");
    await shows(".notice", "raw is no JSON yet");
    expect(await page.evaluate(shownIn('[data-field="raw"] textarea'))).toBe('[{ "a": ');
    await write('[data-field="raw"] textarea', '[{ "a": 1 }]');
    await click(".settings button[type=submit]");
    await page.until(`[...document.querySelectorAll('.notice')].some((each) => /Saved: .*raw/.test(each.innerText))`);
    const saved = { latitude: 48.5, units: "imperial", longitude: 7, raw: [{ a: 1 }] };
    expect(api.calls.findLast(({ what }) => what === "setConfig")?.args[1]).toMatchObject(saved);
    await write(latitude, "1");
    await page.evaluate("[...document.querySelectorAll('.settings button')].find((each) => each.innerText === 'Discard changes').click()");
    await page.until(`${shownIn(latitude)} === '48.5'`);
    await page.evaluate("location.hash = '#/messages/c/roof/0'");
    await shows("#thread-title", "LongFast");
  }, 120_000);

  test("survives a reload at its address, signs out, and takes a token from the address", async () => {
    await page.evaluate("window.old = true; location.reload()");
    await page.until("window.old === undefined && document.querySelector('#thread-title')?.innerText.includes('LongFast') === true");
    await shows(".history .ours", "Path is open");
    await click("#sign-out");
    await page.until("document.getElementById('token') !== null");
    expect(await text("body")).not.toContain("Path is open");
    await page.navigate(`${api.url}/#token=${api.token}`);
    await page.evaluate("window.old = true; location.reload()");
    await page.until("window.old === undefined && document.getElementById('view-title') !== null && !location.href.includes('token')");
    // A refused call is shown by the browser as an error too: those we caused are known.
    expect(page.complaints.filter((complaint) => !/status of 40[01]/.test(complaint))).toEqual([]);
  }, 120_000);
});
