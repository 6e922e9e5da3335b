/** The map on tiles of the operator's own host: from there alone, and without them it stays a map. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { deflateSync } from "node:zlib";
import { serveControl } from "../api/serve.ts";
import { type Browser, CHROMIUM, openBrowser } from "./browser.ts";
import { type Page, pageOf } from "./pages.ts";
import { makeWorld } from "./world.ts";

/** One grey pixel. */
function png(): Uint8Array<ArrayBuffer> {
  const chunk = (type: string, data: Uint8Array) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const ends = Buffer.alloc(8);
    ends.writeUInt32BE(data.length, 0);
    ends.writeUInt32BE(Bun.hash.crc32(body), 4);
    return [ends.subarray(0, 4), body, ends.subarray(4)];
  };
  const head = Buffer.from([0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0]);
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  const image = [...chunk("IHDR", head), ...chunk("IDAT", deflateSync(Buffer.from([0, 200]))), ...chunk("IEND", Buffer.alloc(0))];
  return Uint8Array.from(Buffer.concat([signature, ...image]));
}

describe.skipIf(CHROMIUM === undefined)("the map on tiles", () => {
  const asked: string[] = [];
  let works = true;
  const host = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request) {
      asked.push(
        `${new URL(request.url).pathname} ${request.headers.get("referer") ?? "no referrer"} ${request.headers.get("cookie") ?? "no cookie"}`,
      );
      return works
        ? new Response(png(), { headers: { "content-type": "image/png", "access-control-allow-origin": "*" } })
        : new Response("", { status: 503 });
    },
  });
  const tiles = { url: `http://127.0.0.1:${host.port}/osm/{z}/{x}/{y}.png`, attribution: "© <b>contributors</b>", max_zoom: 15 };
  let api: ReturnType<typeof serveControl<ReturnType<typeof makeWorld>>>;
  let browser: Browser;
  let page: Page;
  beforeAll(async () => {
    api = serveControl(makeWorld({ nodes: 12, plugins: 2, received: 2 }), { live: () => ({ mapTiles: tiles }) });
    browser = await openBrowser(CHROMIUM ?? "");
    page = pageOf(browser);
    await browser.look(1280, 860);
    await browser.navigate(`${api.url}/#token=${api.token}`);
    await page.shows("h1", "Overview");
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await api.close();
    await host.stop(true);
  });
  const openMap = async () => {
    await page.go("nodes");
    await browser.until("document.querySelectorAll('.choice input')[1] !== undefined");
    await browser.evaluate("document.querySelectorAll('.choice input')[1].click()");
    await browser.until("document.querySelectorAll('.map svg .point').length > 5");
  };

  // The host differs from the gateway's by its port alone: cookies would go there.
  test("they come from that host alone, which learns neither page nor session, and the policy names it", async () => {
    const policy = (await fetch(`${api.url}/`)).headers.get("content-security-policy") ?? "";
    expect(policy.split("; ").filter((rule) => rule.includes("127.0.0.1"))).toEqual([`img-src 'self' data: http://127.0.0.1:${host.port}`]);
    await openMap();
    await browser.until("document.querySelectorAll('.map .tiles image').length > 3");
    await page.shows(".map-source", "© <b>contributors</b>");
    for (let i = 0; i < 500 && asked.length < 4; i++) await Bun.sleep(20);
    expect(asked.length).toBeGreaterThan(3);
    for (const each of asked) expect(each).toMatch(/^\/osm\/\d+\/\d+\/\d+\.png no referrer no cookie$/);
    // They cover the whole map.
    expect(
      await browser.evaluate(`(() => {
        const box = document.querySelector(".map svg").getBoundingClientRect();
        const rects = [...document.querySelectorAll(".map .tiles image")].map((each) => each.getBoundingClientRect());
        return [[2, 2], [box.width - 2, 2], [2, box.height - 2], [box.width - 2, box.height - 2], [box.width / 2, box.height / 2]].every(([x, y]) =>
          rects.some((rect) => rect.left <= box.left + x && rect.right >= box.left + x && rect.top <= box.top + y && rect.bottom >= box.top + y));
      })()`),
    ).toBe(true);
    expect(browser.complaints).toEqual([]);
  }, 120_000);

  test("tiles that do not come are said once, and the points stay", async () => {
    works = false;
    await page.go("overview");
    await openMap();
    await browser.evaluate("for (let i = 0; i < 4; i++) document.querySelector('.map-tools button').click()");
    await page.shows(".map-tools", `The map from 127.0.0.1:${host.port} does not load.`);
    expect(await browser.evaluate("document.querySelectorAll('.map svg .point').length")).toBe(12);
    works = true;
    await browser.evaluate("document.querySelectorAll('.map-tools button')[1].click()");
    await browser.until("!document.querySelector('.map-tools').innerText.includes('does not load')");
  }, 120_000);
});
