/**
 * The release gate: a call for help on a mesh that loses a third of all transmissions, while another plugin hangs on the emergency
 * words, the operators' link is down, and the gateway is killed in the middle. The responders are alerted over the other link,
 * and the sender is told what is true.
 */
import { expect, test } from "bun:test";
import { systemClock } from "../../src/clock.ts";
import { SimulatedMesh } from "../../src/mesh/simulator/mesh.ts";
import type { HeardText } from "../../src/mesh/simulator/texts.ts";
import { type StreamServer, serveStream } from "../../src/mesh/stream-server/serve.ts";
import { fakeRandom } from "../../src/testing/world/clock.ts";
import { freePort, Gateway, PATIENCE_MS } from "./harness.ts";

const [ALICE, RIDGE, VALLEY, WARDEN] = [2, 3, 4, 5];

/** One radio with its mesh, which the test hears. */
class Site {
  readonly heard: HeardText[] = [];
  readonly port = freePort();
  readonly mesh: SimulatedMesh;
  #server: StreamServer | null = null;

  constructor(seed: number, ownNumber: number, nodes: readonly { number: number; longName: string }[]) {
    const random = fakeRandom(seed);
    this.mesh = new SimulatedMesh({ nodes, ownNumber, clock: systemClock, random, textSpacingMs: 0, retransmitMs: 1_000 });
    this.mesh.onHeard((text) => this.heard.push(text));
  }

  up(): void {
    const served = serveStream(this.mesh, { port: this.port });
    if (!served.ok) throw served.error;
    this.#server = served.value;
  }

  down(): void {
    this.#server?.stop();
    this.#server = null;
    this.mesh.fail({ kind: "disconnect" });
  }

  end(): void {
    this.down();
    this.mesh.stop();
  }

  textsTo(node: number): string[] {
    return this.heard.filter(({ heardBy }) => heardBy.includes(node)).map(({ text }) => text);
  }
}

/** It takes the emergency words before everybody else, hears all texts, and never answers. */
const HUNG = {
  manifest:
    "capabilities: { commands: [{ name: sos }, { name: sosm }] }\npermissions: [send_messages, receive_messages, override_commands]\n",
  code: `import { Plugin } from "zephyrgate";
export default class Hung extends Plugin {
  override initialize() {
    for (const word of ["sos", "sosm"]) this.registerCommand(word, () => new Promise(() => {}), { priority: 1 });
    this.registerMessageHandler(() => new Promise(() => {}), { priority: 1 });
  }
}
`,
};

test("responders are alerted over the other link, and the sender is told the truth", async () => {
  const base = new Site(1, 1, [
    { number: WARDEN, longName: "Warden" },
    { number: RIDGE, longName: "Ridge" },
  ]);
  const roof = new Site(2, 9, [
    { number: ALICE, longName: "Alice" },
    { number: RIDGE, longName: "Ridge" },
    { number: VALLEY, longName: "Valley" },
  ]);
  base.up();
  roof.up();
  const options = {
    interfaces: `[{ name: base, type: tcp, host: 127.0.0.1, port: ${base.port} }, { name: roof, type: tcp, host: 127.0.0.1, port: ${roof.port} }]`,
    spacingS: 0.1,
    plugins: { hung: HUNG },
    config:
      'operators: ["!00000005"]\nplugins: { paths: PATHS, enabled_plugins: [hung], config: { emergency: { responders: [Ridge, Valley] } } }\n',
  };
  let gateway = await Gateway.start(options);
  try {
    await gateway.until("both links are up", () => /link base is up/.test(gateway.output) && /link roof is up/.test(gateway.output));
    // The operator and Ridge were heard last by the link that then goes down.
    roof.mesh.announce(ALICE, "node_info");
    roof.mesh.announce(VALLEY, "node_info");
    base.mesh.announce(WARDEN, "node_info");
    base.mesh.announce(RIDGE, "node_info");
    await gateway.until("they are known", async () => {
      const { body } = await gateway.api<{ items: { id: string; link: string }[] }>("GET", "/nodes?limit=50");
      return body.items.some(({ id, link }) => id === "!00000003" && link === "base") && body.items.some(({ id }) => id === "!00000002");
    });
    base.down();
    await gateway.until("the operators' link is down", () => /link base is down/.test(gateway.output));
    roof.mesh.fail({ kind: "loss", fraction: 0.33 });

    await gateway.until(
      "Alice's call is heard; she repeats it until then",
      async () => {
        if (!/SOSM from Alice/.test(gateway.output)) {
          roof.mesh.say({ from: ALICE, text: "SOSM leg broken at the bridge" });
          await Bun.sleep(200);
        }
        return (await gateway.messages()).some(({ text }) => text.startsWith("ALERT 1 "));
      },
      PATIENCE_MS,
    );
    await gateway.end("SIGKILL");
    gateway = await Gateway.start({ ...options, dir: gateway.dir });

    const alert = /^ALERT 1 MEDICAL HELP NEEDED: Alice \(!00000002\).*leg broken at the bridge/;
    for (const [name, node] of [
      ["Ridge", RIDGE],
      ["Valley", VALLEY],
    ] as const) {
      await gateway.until(
        `${name} is alerted over the other link`,
        () => roof.textsTo(node).some((text) => alert.test(text)),
        4 * PATIENCE_MS,
      );
    }
    await gateway.until(
      "Alice is told how many have it",
      () => roof.textsTo(ALICE).some((text) => text === "Incident 1: 2 of 2 responders have it."),
      4 * PATIENCE_MS,
    );
    // Until then she was told nothing that was not so.
    for (const text of roof.textsTo(ALICE)) {
      expect(text).toMatch(
        /^(?:Your SOSM was received, alerting the operator\. |Incident 1: (?:alerting Ridge, Valley|[12] of 2 responders have it|nobody has confirmed|passed on)|Nobody has confirmed your SOSM yet)/,
      );
    }
    await gateway.until(
      "Ridge says that he is coming, until Alice knows",
      async () => {
        const isKnown = roof.textsTo(ALICE).some((text) => text.startsWith("Incident 1: Ridge is coming"));
        if (!isKnown) roof.mesh.say({ from: RIDGE, text: "responding 1" });
        await Bun.sleep(500);
        return isKnown;
      },
      4 * PATIENCE_MS,
    );
    expect(base.textsTo(WARDEN)).toEqual([]);
    // What follows is told once, so the radio must be able to deliver it.
    roof.mesh.fail({ kind: "loss", fraction: 0 });
    base.up();
    await gateway.until("the operator's alert arrives when the link is back", () =>
      base.textsTo(WARDEN).some((text) => /^ALERT SOSM from Alice \(!00000002\).*leg broken/.test(text)),
    );
    await gateway.until(
      "Alice is told so, though the gateway that took her call is gone",
      () => roof.textsTo(ALICE).some((text) => /^Your SOSM reached Warden\./.test(text)),
      4 * PATIENCE_MS,
    );
  } finally {
    await gateway.stop();
    base.end();
    roof.end();
  }
}, 600_000);
