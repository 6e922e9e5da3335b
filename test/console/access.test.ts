/**
 * Every view, as a wide screen and as a phone shows it, with hostile, right-to-left, emoji and 64-character names: nothing keeps
 * people out (axe-core), nothing hangs over the edge, and nothing is refused by the content policy. With SCREENSHOTS=1 pictures
 * go to docs/images.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { serveControl } from "../api/serve.ts";
import { type Browser, CHROMIUM, openBrowser } from "./browser.ts";
import { type Page, pageOf } from "./pages.ts";
import { makeWorld } from "./world.ts";

const AXE = await Bun.file(join(import.meta.dir, "../../node_modules/axe-core/axe.min.js")).text();
const IMAGES = join(import.meta.dir, "../../docs/images");

interface View {
  readonly address: string;
  /** Words by which one sees that it is there. */
  readonly shows: readonly [selector: string, words: string];
  readonly picture?: string;
  /** What is done before. */
  readonly first?: string;
}

/** Table or map, once the switch is there. */
const shape = (at: number) => `new Promise((done) => {
  const look = () => {
    const field = document.querySelectorAll(".choice input")[${at}];
    if (field === undefined) return setTimeout(look, 20);
    field.click();
    done();
  };
  look();
})`;

const VIEWS: readonly View[] = [
  { address: "overview", shows: [".links", "roof"], picture: "overview" },
  { address: "messages", shows: [".conversations", "LongFast"] },
  { address: "messages/c/roof/0", shows: [".history", "SNR"], picture: "messages" },
  { address: "messages/n/!0a0b0005", shows: [".thread", "Message"] },
  { address: "nodes", shows: [".node-list", "Ridge"], first: shape(0), picture: "nodes" },
  { address: "nodes", shows: [".map svg", "km"], picture: "map", first: shape(1) },
  {
    address: "nodes/!0a0b0003",
    shows: [".detail", "Also heard at"],
    first: shape(0),
    picture: "node",
  },
  { address: "plugins", shows: [".plugin-cards", "avalanche"], picture: "plugins" },
  { address: "plugins/weather", shows: [".facts", "Memory"] },
  { address: "plugins/avalanche/permissions", shows: [".permissions", "http_requests"], picture: "permissions" },
  { address: "plugins/weather/settings", shows: [".settings", "Latitude"], picture: "plugin-settings" },
  { address: "plugins/weather/log", shows: [".log", "open-meteo"] },
  { address: "plugins/weather/schedule", shows: ["main", "scheduled"] },
  { address: "region", shows: ["[data-site=south]", "Waiting texts"], picture: "region" },
  { address: "log", shows: [".log", "bulletin"], picture: "log" },
  { address: "log/audit", shows: [".audit-line", "example.org"] },
  { address: "settings", shows: ["table", "data_dir"], picture: "settings" },
];

/** On a phone: the views in one row, and no word that is broken into letters. */
async function broken(browser: Browser, address: string): Promise<readonly unknown[]> {
  const found = await browser.evaluate(`(() => {
    const rows = new Set([...document.querySelectorAll(".views a")].map((each) => each.offsetTop));
    const narrow = [...document.querySelectorAll("main button, main .tabs a")].filter((each) => {
      const lines = each.getBoundingClientRect().height / Number.parseFloat(getComputedStyle(each).fontSize);
      return lines > 6 && each.textContent.trim().length < 20;
    });
    return [...(rows.size === 1 ? [] : ["the views stand in " + rows.size + " rows"]), ...narrow.map((each) => "broken: " + each.textContent)];
  })()`);
  return (found as string[]).map((what) => `${address}: ${what}`);
}

const LOOKS = [
  { name: "wide, dark", width: 1280, height: 860, scheme: "dark", suffix: "" },
  { name: "phone, light", width: 320, height: 690, scheme: "light", suffix: "-phone" },
] as const;

describe.skipIf(CHROMIUM === undefined)("every view", () => {
  let api: ReturnType<typeof serveControl<ReturnType<typeof makeWorld>>>;
  let browser: Browser;
  let page: Page;
  beforeAll(async () => {
    api = serveControl(makeWorld({ nodes: 61, plugins: 8, received: 260 }));
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

  test.each(LOOKS)(
    "$name: nothing keeps people out, nothing hangs over the edge",
    async ({ width, height, scheme, suffix }) => {
      await browser.look(width, height, scheme);
      await browser.until(`document.documentElement.dataset.theme === '${scheme}' && document.getAnimations().length === 0`);
      const found: unknown[] = [];
      for (const { address, shows, picture, first } of VIEWS) {
        await page.go(address);
        if (first !== undefined) await browser.evaluate(first);
        await page.shows(...shows);
        found.push(...(await problems(browser, address)));
        if (width < 600) found.push(...(await broken(browser, address)));
        const isWanted = suffix === "" || ["overview", "messages", "map"].includes(picture ?? "");
        if (picture !== undefined && isWanted && process.env.SCREENSHOTS === "1") await photograph(browser, `${picture}${suffix}`);
      }
      expect(found).toEqual([]);
      expect(browser.complaints).toEqual([]);
    },
    240_000,
  );

  test("the review of a backup before it is restored", async () => {
    await page.go("settings");
    await page.shows(".card", "Back up now");
    await browser.evaluate("[...document.querySelectorAll('.card button')].find((each) => each.innerText.startsWith('Restore')).click()");
    await page.shows("dialog", "VALID AGAIN: old-phone");
    await page.shows("dialog", "no data of mail: the database is damaged");
    await page.shows("dialog", "it changes operators, mesh.interfaces");
    expect(await problems(browser, "restore")).toEqual([]);
    await page.write("dialog input[type=password]", "wrong horse");
    await page.click("dialog button[type=submit]");
    await page.shows("dialog .problem[role=alert]", "does not open the secrets");
    expect(api.calls.findLast(({ what }) => what === "restore")?.args[1]).toEqual({
      scope: "all",
      configuration: true,
      passphrase: "wrong horse",
    });
    await browser.press("Escape");
    await browser.until("document.querySelector('dialog') === null");
  }, 120_000);

  test("a rollout: begun with a package, refused with its reason, taken back, and halted", async () => {
    await page.go("region");
    await page.shows(".card", "site south: failed: it is backing off");
    await page.click("#rollout-start");
    await browser.until("document.querySelector('dialog[open] input[type=file]') !== null");
    expect(await problems(browser, "rollout")).toEqual([]);
    await browser.evaluate(`{ const files = new DataTransfer(); files.items.add(new File(["x"], "weather.zgp"));
      const field = document.querySelector("dialog input[type=file]"); field.files = files.files;
      field.dispatchEvent(new Event("change", { bubbles: true })); }`);
    await browser.until("document.querySelector('dialog button[type=submit]').disabled === false");
    await page.click("dialog button[type=submit]");
    await page.shows("dialog .problem[role=alert]", "only signed packages are rolled out");
    await browser.press("Escape");
    await browser.until("document.querySelector('dialog') === null");
    await page.click("#rollout-back");
    await page.shows(".card", "is taken back: the version before returns");
    await page.click("#rollout-halt");
    await page.shows(".card", "an operator halted it");
    // It was taken back: nothing is left to take back.
    await browser.until("document.querySelector('#rollout-back') === null && document.querySelector('#rollout-start') !== null");
  }, 120_000);

  test("the sign-in form and a dialog", async () => {
    await browser.evaluate("document.activeElement.blur()");
    await page.go("overview");
    // A view that is gone to takes the focus.
    await browser.until("document.activeElement?.tagName === 'MAIN'");
    await browser.evaluate("document.getElementById('silence').focus()");
    await browser.press("Enter");
    await browser.until("document.querySelector('dialog[open]') !== null");
    expect(await problems(browser, "dialog")).toEqual([]);
    await browser.press("Escape");
    await browser.until("document.querySelector('dialog') === null && document.activeElement?.id === 'silence'");
    await page.click("#sign-out");
    await browser.until("document.getElementById('token') !== null");
    expect(await problems(browser, "sign-in")).toEqual([]);
  }, 120_000);
});

interface Violation {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

/** Serious and critical findings, and elements beyond the right edge. */
async function problems(browser: Browser, address: string): Promise<unknown[]> {
  if ((await browser.evaluate("typeof axe")) !== "object") await browser.evaluate(`${AXE}; null`);
  const violations = (await browser.evaluate(
    "axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations.map(({ id, impact, nodes }) => ({ id, impact, nodes: nodes.slice(0, 2).map(({ html, failureSummary }) => ({ html: html.slice(0, 200), failureSummary })) })))",
  )) as Violation[];
  const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  const over = await browser.evaluate("document.documentElement.scrollWidth - window.innerWidth");
  return [...serious.map((violation) => ({ address, ...violation })), ...(Number(over) > 0 ? [{ address, over }] : [])];
}

async function photograph(browser: Browser, name: string): Promise<void> {
  // Charts and fonts settle; notices go.
  await Bun.sleep(700);
  mkdirSync(IMAGES, { recursive: true });
  const path = join(IMAGES, `${name}.png`);
  writeFileSync(path, await browser.screenshot());
  // Debian's pngquant makes it a third of the size.
  if (Bun.which("pngquant") !== null)
    Bun.spawnSync(["pngquant", "--force", "--skip-if-larger", "--ext", ".png", "--speed", "1", "128", path]);
}
