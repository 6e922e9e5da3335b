/** The console on a real gateway: a plugin from a file to its settings, silence, and a gateway that is killed and comes back. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { FROM_SOURCE, Gateway, runProgram, tempDir, writePlugin } from "../gateway/harness.ts";
import { type Browser, CHROMIUM, openBrowser } from "./browser.ts";
import { type Page, pageOf } from "./pages.ts";

const MANIFEST = `capabilities: { commands: [{ name: gauge, description: "How high the river is" }] }
permissions: [send_messages, { http_requests: { hosts: [river.example] } }]
config: { schema_file: schema.json, defaults: { limit_cm: 120 } }
`;
const CODE = `import { Plugin } from "zephyrgate";
export default class River extends Plugin {
  override initialize() { this.registerCommand("gauge", () => "River at 80 cm, limit " + this.getConfig("limit_cm", 0), { help: "the river" }); }
}
`;
const SCHEMA =
  '{"type":"object","additionalProperties":false,"properties":{"limit_cm":{"type":"integer","minimum":10,"maximum":900,"description":"Warns above."}}}';

describe.skipIf(CHROMIUM === undefined)("the console on a real gateway", () => {
  let gateway: Gateway;
  let browser: Browser;
  let page: Page;
  let folder: string;
  beforeAll(async () => {
    folder = tempDir();
    writePlugin(folder, "river", { manifest: MANIFEST, code: CODE, files: { "schema.json": SCHEMA } });
    mkdirSync(join(folder, "out"));
    const packed = await runProgram(["plugin", "pack", "river", "-o", "out/river.zgp"], { cwd: folder, command: FROM_SOURCE });
    if (packed.code !== 0) throw new Error(packed.stderr);
    gateway = await Gateway.start({ spacingS: 0 });
    browser = await openBrowser(CHROMIUM ?? "");
    page = pageOf(browser);
    await browser.look(1280, 860);
    await browser.navigate(`http://127.0.0.1:${gateway.port}/#token=${gateway.token}`);
    await page.shows("[data-link]", "up");
  }, 180_000);
  afterAll(async () => {
    await browser?.close();
    await gateway?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test("a package is installed from a file, reviewed in words, accepted, and configured with its errors in place", async () => {
    await page.go("plugins");
    await page.click("#install");
    await browser.until("document.querySelector('dialog input[type=file]') !== null");
    await browser.upload("dialog input[type=file]", join(folder, "out/river.zgp"));
    await browser.until("document.querySelector('dialog button[type=submit]').disabled === false");
    await page.click("dialog button[type=submit]");
    await page.shows("[data-permission^=http_requests]", "river.example");
    await page.shows("[data-permission^=http_requests]", "pass on to them everything");
    await page.click("#accept");
    await page.shows(".page-head", "running");
    await page.go("plugins/river/settings");
    await browser.until("document.querySelector('[data-field=limit_cm] input')?.value === '120'");
    await page.write("[data-field=limit_cm] input", "5000");
    await page.click(".settings button[type=submit]");
    await page.shows("[data-field=limit_cm] .field-error", "900");
    await page.write("[data-field=limit_cm] input", "200");
    await page.click(".settings button[type=submit]");
    await page.shows(".notice", "Saved: limit_cm");
    expect((await gateway.ask("gauge", /^River/)).text).toBe("River at 80 cm, limit 200");
  }, 120_000);

  test("a token is shown until it is hidden, and what is refused stays in its field", async () => {
    await page.go("settings");
    const name = "form input[placeholder=prometheus]";
    await browser.until(`document.querySelector(${JSON.stringify(name)}) !== null`);
    const make = async (wanted: string) => {
      await page.write(name, wanted);
      await browser.evaluate("[...document.querySelectorAll('form button')].find((each) => each.innerText === 'Make a token').click()");
    };
    await make("phone");
    await page.shows(".banner.good", "The token of phone");
    const issued = await page.text(".banner.good .token");
    expect(issued).toMatch(/^\S{20,}$/);
    await make("phone");
    await page.shows(".notice", "phone");
    expect(await browser.evaluate(`document.querySelector(${JSON.stringify(name)}).value`)).toBe("phone");
    await make("desk");
    await page.shows(".banner.good", "The token of desk");
    expect(await page.text(".banner.good .token")).toBe(issued);
  }, 120_000);

  test("a revoked permission is seen at the question that stays without an answer", async () => {
    await page.go("plugins/river/permissions");
    await page.click("[data-permission=send_messages] .actions button");
    await page.shows("[data-permission=send_messages]", "held back");
    await gateway.say("gauge");
    await page.go("messages/n/!00000002");
    await page.shows("[data-suppressed=refused]", "river: not answered, refused");
  }, 120_000);

  test("silence is one press and a confirmation away, and says so on every view", async () => {
    await page.click("#silence");
    await page.click("#silence-now");
    await page.shows("#silenced", "All transmissions but alarms are silenced");
    await gateway.say("ping");
    await page.go("messages/n/!00000002");
    await page.shows(".history [data-state=queued]", "transmissions are silenced");
    await page.click("#silenced button");
    await browser.until("document.getElementById('silenced') === null");
    await browser.until("document.querySelector('.history [data-state=queued]') === null");
  }, 120_000);

  test("the audit log follows live, and its filter stays in the address", async () => {
    await page.go("log/audit");
    await browser.until("document.querySelectorAll('.audit-line').length > 3");
    await gateway.api("PUT", "/plugins/river/secrets/audited_key", { value: "never shown" });
    await page.shows(".audit-line", "audited_key");
    await browser.evaluate(`{ const field = document.querySelectorAll(".tools select")[0]; field.value = "river";
      field.dispatchEvent(new Event("change", { bubbles: true })); }`);
    await browser.until("location.hash === '#/log/audit?plugin=river'");
    await browser.until("[...document.querySelectorAll('.audit-line')].every((each) => each.children[2].innerText === 'river')");
    await browser.evaluate("window.old = true; location.reload()");
    await browser.until("window.old === undefined && document.querySelectorAll('.audit-line').length > 0");
    await browser.until("[...document.querySelectorAll('.audit-line')].every((each) => each.children[2].innerText === 'river')");
    expect(await browser.evaluate("location.hash")).toBe("#/log/audit?plugin=river");
  }, 120_000);

  test("a killed gateway is noticed within seconds, and the page comes back by itself with its session", async () => {
    const { dir, port } = gateway;
    await gateway.end("SIGKILL");
    const killedAt = performance.now();
    await page.shows("#gone", "has not answered since");
    // Five seconds are promised; a busy machine may be slower.
    expect(performance.now() - killedAt).toBeLessThan(25_000);
    gateway = await Gateway.start({ dir, port });
    await browser.until("document.getElementById('gone') === null && document.getElementById('view-title') !== null");
    expect(await page.count("#token")).toBe(0);
    await page.go("plugins");
    await page.shows("[data-name=river]", "running");
  }, 180_000);
});
