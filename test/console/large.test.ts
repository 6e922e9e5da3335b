/** Five hundred nodes, fifty plugins and ten thousand messages: only what is seen exists, and nothing jumps while it lives. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { received } from "../api/fake-control.ts";
import { serveControl } from "../api/serve.ts";
import { type Browser, CHROMIUM, openBrowser } from "./browser.ts";
import { type Page, pageOf } from "./pages.ts";
import { makeWorld } from "./world.ts";

/** Elements of the whole page: more would be slow on a phone. */
const ELEMENTS_MOST = 4_000;

describe.skipIf(CHROMIUM === undefined)("a large mesh", () => {
  let api: ReturnType<typeof serveControl<ReturnType<typeof makeWorld>>>;
  let browser: Browser;
  let page: Page;
  beforeAll(async () => {
    api = serveControl(makeWorld({ nodes: 500, plugins: 50, received: 10_000 }));
    browser = await openBrowser(CHROMIUM ?? "");
    page = pageOf(browser);
    await browser.look(1280, 860);
    await browser.navigate(`${api.url}/#token=${api.token}`);
    await page.shows("h1", "Overview");
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await api.close();
  });

  test("the nodes: few rows exist, the last can be reached, and order and place stay while nodes are heard", async () => {
    await page.go("nodes");
    await page.shows(".node-list", "Ridge");
    expect(await page.count(".virtual-row")).toBeLessThan(60);
    expect(await page.count("*")).toBeLessThan(ELEMENTS_MOST);
    await page.click(".node-head button");
    await browser.until("document.querySelector('.virtual-row')?.getAttribute('aria-setsize') === '500'");
    await browser.evaluate("document.querySelector('.virtual').scrollTop = 1e6");
    await browser.until("[...document.querySelectorAll('.virtual-row')].some((row) => row.getAttribute('aria-posinset') === '500')");
    const shown = () => browser.evaluate("[...document.querySelectorAll('.node-name strong')].map((name) => name.innerText).join()");
    const before = await shown();
    for (const node of api.nodes.slice(1, 200)) api.events.emit("node_seen", { ...node, lastHeard: Date.now(), batteryLevel: 42 });
    await browser.until("[...document.querySelectorAll('.node-row')].some((row) => row.innerText.includes('42 %'))");
    expect(await shown()).toBe(before);
    expect(await page.count(".node-head [aria-pressed=true]")).toBe(1);
    // So do the node that is chosen, the focus, and a text in the search field with its cursor.
    const chosen = String(await browser.evaluate("document.querySelector('a.node-row').getAttribute('href')"));
    await browser.evaluate("document.querySelector('a.node-row').click()");
    await page.shows("#node-title", "");
    await browser.evaluate(`document.querySelector('a.node-row[href=${JSON.stringify(chosen)}]').focus()`);
    const hear = (level: number) => {
      for (const node of api.nodes.slice(1, 300)) api.events.emit("node_seen", { ...node, lastHeard: Date.now(), batteryLevel: level });
    };
    hear(43);
    await browser.until("document.querySelector('.detail').innerText.includes('43 %')");
    const focused = "document.activeElement?.getAttribute('href')";
    expect([await browser.evaluate(focused), await page.count("a.node-row[aria-current]")]).toEqual([chosen, 1]);
    await page.write("input[type=search]", "ridge");
    await browser.evaluate("{ const field = document.querySelector('input[type=search]'); field.focus(); field.setSelectionRange(2, 2); }");
    hear(44);
    await browser.until("document.querySelector('.detail').innerText.includes('44 %')");
    const field = "(({ value, selectionStart }) => [document.activeElement?.type, value, selectionStart])(document.activeElement)";
    expect(await browser.evaluate(field)).toEqual(["search", "ridge", 2]);
    await page.write("input[type=search]", "");
  }, 120_000);

  test("the messages: the end first, then page after page upwards; a new text does not move who reads further up", async () => {
    await page.go("messages/c/roof/0");
    await page.shows(".history", "SNR");
    expect(await page.count(".bubble")).toBeLessThan(200);
    const first = "document.querySelector('.history .bubble').innerText";
    const before = await browser.evaluate(first);
    await browser.evaluate("document.querySelector('.history').scrollTop = 0");
    await browser.until(`${first} !== ${JSON.stringify(before)}`);
    const place = () => browser.evaluate("Math.round(document.querySelector('.history').scrollTop)");
    await browser.evaluate("document.querySelector('.history').scrollTop = 900");
    const at = await place();
    api.events.emit(
      "message_received",
      received("the newest", { link: "roof", isDirect: false, to: 0xffffffff as never, receivedAt: Date.now() }),
    );
    await page.shows(".history .text", "the newest");
    expect(Math.abs(Number(await place()) - Number(at))).toBeLessThan(5);
    expect(await page.count("*")).toBeLessThan(ELEMENTS_MOST);
  }, 120_000);

  test("the plugins and the map", async () => {
    await page.go("plugins");
    await page.shows(".plugin-cards", "plugin_49");
    expect(await page.count(".plugin-cards > li")).toBe(50);
    expect(await page.count("*")).toBeLessThan(ELEMENTS_MOST);
    expect(browser.complaints).toEqual([]);
  }, 120_000);
});
