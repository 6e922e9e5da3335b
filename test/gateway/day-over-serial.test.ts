/** The short form of the user guide's day with a real gateway process on a serial port: a pair of terminals with a simulated radio behind. */
import { expect, test } from "bun:test";
import { systemClock, systemRandom } from "../../src/clock.ts";
import { SimulatedMesh } from "../../src/mesh/simulator/mesh.ts";
import type { Attachment } from "../../src/mesh/stream-server/attachment.ts";
import { Pty } from "../mesh/pty.ts";
import { Gateway } from "./harness.ts";

const [ALICE, RIDGE] = [2, 3];
const PACKET_BYTES = 200;

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

test("help, a letter, a game and a call for help over a serial port, with two restarts", async () => {
  const pty = new Pty();
  const nodes = [
    { number: ALICE, longName: "Alice" },
    { number: RIDGE, longName: "Ridge" },
  ];
  const mesh = new SimulatedMesh({ nodes, clock: systemClock, random: systemRandom, textSpacingMs: 0 });
  const heard: { to: number; text: string }[] = [];
  mesh.onHeard(({ text, heardBy }) => heard.push(...heardBy.map((to) => ({ to, text }))));
  plugIn(mesh, pty);
  const options = {
    interfaces: `[{ name: base, type: serial, device: ${pty.path} }]`,
    spacingS: 0.1,
    config: 'operators: ["!00000003"]\nplugins: { config: { emergency: { responders: [Ridge] } } }\n',
  };
  let gateway = await Gateway.start(options);
  const texts = (node: number) => heard.filter(({ to }) => to === node).map(({ text }) => text);
  const says = async (from: number, text: string, answer: RegExp, listener = from) => {
    const before = texts(listener).length;
    const said = mesh.say({ from, text });
    if (!said.ok) throw said.error;
    await gateway.until(`an answer to ${text}`, () =>
      texts(listener)
        .slice(before)
        .some((each) => answer.test(each)),
    );
  };
  try {
    await gateway.until("the link is up", () => /link base is up/.test(gateway.output));
    for (const { number } of nodes) mesh.announce(number, "node_info");
    await says(ALICE, "help", /^Commands 1\/\d/);
    await says(ALICE, "mail send Ridge hello there", /^Letter 1 is kept for Ridge/);
    await says(RIDGE, "mail read", /hello there/);
    await says(ALICE, "ttt", /^1\|2\|3/);
    await gateway.end("SIGTERM");
    gateway = await Gateway.start({ ...options, dir: gateway.dir });
    await gateway.until("the link is up again", () => /link base is up/.test(gateway.output));
    await says(ALICE, "5", /^O\|2\|3/);
    await says(ALICE, "q", /^Another time/);
    await says(ALICE, "SOSM leg broken", /^ALERT 1 MEDICAL HELP NEEDED: Alice .*leg broken/, RIDGE);
    await gateway.end("SIGKILL");
    gateway = await Gateway.start({ ...options, dir: gateway.dir });
    await gateway.until("the link is up once more", () => /link base is up/.test(gateway.output));
    await says(RIDGE, "responding", /^Incident 1: Ridge is coming/, ALICE);
    for (const { text } of heard) expect({ text, fits: Buffer.byteLength(text) <= PACKET_BYTES }).toEqual({ text, fits: true });
  } finally {
    await gateway.stop();
    pty.dispose();
    mesh.stop();
  }
}, 300_000);
