/**
 * The user guide's day with two real gateway processes, each on a serial port of its own (a pair of terminals with a simulated radio
 * behind), both on one air in reach of the same people. Every text that goes on the air is checked for its length, its order and its truth.
 */
import { expect, test } from "bun:test";
import { systemClock, systemRandom } from "../../src/clock.ts";
import { SimulatedAir } from "../../src/mesh/simulator/air.ts";
import { SimulatedMesh } from "../../src/mesh/simulator/mesh.ts";
import type { Attachment } from "../../src/mesh/stream-server/attachment.ts";
import { Pty } from "../mesh/pty.ts";
import { Gateway } from "./harness.ts";

const [ALICE, RIDGE, VALLEY, WARDEN] = [2, 3, 4, 5];
const PEOPLE = [
  { number: ALICE, longName: "Alice", latitude: 47.36, longitude: 8.55 },
  { number: RIDGE, longName: "Ridge", latitude: 47.41, longitude: 8.62 },
  { number: VALLEY, longName: "Valley" },
  { number: WARDEN, longName: "Warden" },
];
const [FIRST, SECOND] = [0x51, 0x52];
const PACKET_BYTES = 200;

interface Heard {
  readonly by: number;
  readonly to: number;
  readonly from: number;
  readonly text: string;
}

/** Puts the simulated radio behind the serial port. It stays there when the gateway takes its leave, as a real one does. */
function plugIn(mesh: SimulatedMesh, pty: Pty): void {
  let writing = Promise.resolve();
  const attached = mesh.attach({
    bytes: (bytes) => {
      writing = writing.then(() => pty.write(bytes));
    },
    hangUp: () => void setTimeout(() => (pty.isPluggedIn ? plugIn(mesh, pty) : undefined), 0),
  });
  if (!attached.ok) throw attached.error;
  const radio: Attachment = attached.value;
  pty.onData = (bytes) => void radio.receive(bytes);
}

/** Two radios on one air, and what anybody hears of them. */
class World {
  readonly firstPort = new Pty();
  readonly secondPort = new Pty();
  readonly heard: Heard[] = [];
  readonly #air = new SimulatedAir();
  readonly first = this.#radio(FIRST);
  readonly second = this.#radio(SECOND);

  constructor() {
    plugIn(this.first, this.firstPort);
    plugIn(this.second, this.secondPort);
  }

  #radio(ownNumber: number): SimulatedMesh {
    const shared = { nodes: PEOPLE, clock: systemClock, random: systemRandom, textSpacingMs: 0, air: this.#air };
    const mesh = new SimulatedMesh({ ...shared, ownNumber });
    mesh.onHeard(({ text, from, to, heardBy }) => this.heard.push(...heardBy.map((by) => ({ by, to, from, text }))));
    return mesh;
  }

  by(node: number, from?: number): string[] {
    return this.heard.filter((each) => each.by === node && (from === undefined || each.from === from)).map(({ text }) => text);
  }

  stop(): void {
    this.firstPort.dispose();
    this.secondPort.dispose();
    this.first.stop();
    this.second.stop();
  }
}

const CONFIG = `operators: ["!00000005"]
plugins: { config: { bot: { motd: Meeting on Sunday at the hut }, emergency: { responders: [Ridge, Warden] } } }
`;

test("a whole day over serial ports: two gateways on one air, and two restarts", async () => {
  const world = new World();
  const options = { interfaces: `[{ name: base, type: serial, device: ${world.firstPort.path} }]`, spacingS: 0.1, config: CONFIG };
  const [one, other] = await Promise.all([
    Gateway.start(options),
    Gateway.start({
      interfaces: `[{ name: roof, type: serial, device: ${world.secondPort.path} }]`,
      spacingS: 0.1,
      config: 'operators: ["!00000004"]\nalerts: { channels: [0] }\n',
    }),
  ]);
  let gateway = one;
  const isUp = () => gateway.until("the link is up", () => /link base is up/.test(gateway.output));
  const restart = async (signal: "SIGTERM" | "SIGKILL") => {
    await gateway.end(signal);
    gateway = await Gateway.start({ ...options, dir: gateway.dir });
    await isUp();
  };
  /** Somebody says something, and somebody hears what must follow it. */
  const says = async (
    from: number,
    text: string,
    answer: RegExp,
    { listener = from, channel }: { listener?: number; channel?: number } = {},
  ) => {
    const before = world.by(listener).length;
    const said = world.first.say({ from, text, ...(channel === undefined ? {} : { channel }) });
    if (!said.ok) throw said.error;
    const fresh = () => world.by(listener).slice(before);
    await gateway.until(`an answer to ${text} (${answer})`, () => fresh().some((each) => answer.test(each)));
  };
  try {
    await isUp();
    await other.until("the other link is up", () => /link roof is up/.test(other.output));
    for (const mesh of [world.first, world.second])
      for (const { number } of PEOPLE) for (const kind of ["node_info", "position"] as const) mesh.announce(number, kind);
    // What comes without a time right after the configuration may be a radio's backlog, which is not answered.
    await Bun.sleep(1_500);
    // Nobody asked anything.
    expect(world.heard).toEqual([]);

    await says(ALICE, "hello?", /^Unknown command "hello\?"\. Send help/);
    await says(ALICE, "help", /^Commands 1\/\d/);
    await says(ALICE, "help 2", /^Commands 2\/\d/);
    await says(ALICE, "help howfar", /^howfar: How far/);
    await says(ALICE, "whoami", /^You are Alice \(!00000002\)/);
    await says(ALICE, "howfar Ridge", /^Ridge is 7\.7 km NE/);
    await says(ALICE, "!ping", /^pong/, { channel: 0 });
    await says(ALICE, "motd", /^Meeting on Sunday/);

    await says(ALICE, "bbs post Boat for sale | Red, 4 m", /^Posted as 1 on general/);
    await says(RIDGE, "bbs list", /1 Boat for sale \(Alice now\)/);
    await says(RIDGE, "bbs read 1", /Red, 4 m/);
    await says(RIDGE, "bbs reply 1 Is it still there?", /^Reply 2 posted to 1/);
    await says(ALICE, "bbs thread 1", /Is it still there\? \(Ridge now\)/);
    await says(VALLEY, "menu", /^MAIN\n1 BBS/);
    await says(VALLEY, "1", /^BBS\n1 Mail/);
    await says(VALLEY, "q", /^Menu closed/);
    await says(ALICE, "mail send Ridge See you at six", /^Letter 1 is kept for Ridge/);
    await says(RIDGE, "mail read", /See you at six/);
    await says(RIDGE, "mail reply 1 I bring the bread", /^Letter 2 is kept for Alice/);
    await says(ALICE, "mail read", /I bring the bread/);
    await says(ALICE, "sun", /^Here: sunrise/);
    await says(ALICE, "moon", /% lit/);
    await says(ALICE, "ttt", /^1\|2\|3/);
    await says(ALICE, "5", /^O\|2\|3/);
    await restart("SIGTERM");
    await says(ALICE, "9", /X\. Which field|draw|won|win/i);
    await says(ALICE, "q", /^Another time/);
    await says(ALICE, "tell Valley call me", /call me$/, { listener: VALLEY });
    await gateway.until("the receipt", () => world.by(ALICE).some((text) => /^Valley has your message 1/.test(text)));

    await says(ALICE, "SOSM leg broken at the bridge", /^ALERT 1 MEDICAL HELP NEEDED: Alice .*leg broken/, { listener: RIDGE, channel: 0 });
    await other.until("the other gateway's operator has it", () =>
      world.by(VALLEY, SECOND).some((text) => /^ALERT SOSM from Alice/.test(text)),
    );
    await gateway.until("the operator has it once", () =>
      world.by(WARDEN, FIRST).some((text) => /^ALERT SOSM from Alice.*Answer: responding, or ack$/.test(text)),
    );
    await gateway.until("the sender knows that it was received", () =>
      world.by(ALICE, FIRST).some((text) => text.startsWith("Your SOSM was received")),
    );
    await says(RIDGE, "responding", /^Incident 1: Ridge is coming/, { listener: ALICE });
    await restart("SIGKILL");
    await says(ALICE, "it is cold here", /^ALERT 1 more from Alice: it is cold here/, { listener: RIDGE });
    await says(RIDGE, "history 1", /Alice: it is cold here[\s\S]*Ridge is coming/);
    await says(ALICE, "status", /^Incident 1 MEDICAL HELP NEEDED: Alice.*Ridge is coming/);
    await says(RIDGE, "clear 1 she is with me", /^Incident 1 is closed by Ridge: she is with me/, { listener: ALICE });
    checkAll(world);
  } finally {
    await Promise.all([gateway.stop(), other.stop()]);
    world.stop();
  }
}, 300_000);

function checkAll(world: World): void {
  for (const { text } of world.heard) expect({ text, fits: Buffer.byteLength(text) <= PACKET_BYTES }).toEqual({ text, fits: true });
  // The operator who is a responder, too, was alerted by one text, before anybody was said to be coming.
  expect(world.by(WARDEN, FIRST).filter((text) => /^ALERT (?:1|SOSM from)/.test(text))).toHaveLength(1);
  const toAlice = world.by(ALICE, FIRST);
  const coming = toAlice.findIndex((text) => text.startsWith("Incident 1: Ridge is coming"));
  expect(toAlice.findIndex((text) => text.startsWith("Your SOSM was received"))).toBeLessThan(coming);
  // Nobody is told that somebody has it who has not.
  for (const text of toAlice) {
    const [, names] = /^Your SOSM reached (.*)\.$/.exec(text) ?? [];
    if (names !== undefined) expect(names).toBe("Warden");
  }
  // The second gateway answers what was meant for it or for all, and nothing that was written to the first.
  expect(world.heard.filter(({ from, text }) => from === SECOND && !/^(?:pong|ALERT |Your SOSM |Incident )/.test(text))).toEqual([]);
  // Parts follow each other.
  for (const { number } of PEOPLE) {
    for (const from of [FIRST, SECOND]) {
      let last = 0;
      for (const text of world.by(number, from)) {
        const part = Number(/^\((\d)\/\d\) /.exec(text)?.[1] ?? 0);
        if (part > 1) expect(last).toBe(part - 1);
        last = part;
      }
    }
  }
}
