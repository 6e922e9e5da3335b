/** What a plugin can know of its own messages, and of who asks it. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestGateway } from "zephyrgate/testing";
import { writePlugin } from "../gateway/harness.ts";

const code = (command: string) => `import { Plugin } from "zephyrgate";
export default class Asking extends Plugin {
  initialize() {
    this.registerCommand("${command}", async (args, context) => {
      if (args[0] === "send") return (await this.sendMessage("hello", { destination: "Bob" })).id;
      if (args[0] === "status") { const found = await this.getMessageStatus(args[1]); return found === null ? "unknown" : found.state + " " + found.id; }
      return context.isOperator ? "operator" : "somebody";
    });
  }
}`;
const manifest = (command: string) =>
  `capabilities: { commands: [{ name: ${command}, description: asks }] }\npermissions: [send_messages]\n`;

test("a plugin sees what became of its own messages, over a restart, and of no other's", async () => {
  const folder = mkdtempSync(join(tmpdir(), "zg-own-"));
  try {
    for (const name of ["mine", "other"]) writePlugin(folder, name, { manifest: manifest(name), code: code(name) });
    await using gateway = await startTestGateway({ plugin: [join(folder, "mine"), join(folder, "other")], operators: ["Warden"] });
    const alice = gateway.node("Alice");
    const id = await alice.asks("mine send");
    await gateway.restart({ minutes: 5 });
    expect(await alice.asks(`mine status ${id}`)).toBe(`delivered ${id}`);
    expect(await alice.asks(`other status ${id}`)).toBe("unknown");
    expect(await alice.asks("mine status m_unknown")).toBe("unknown");
    expect(await alice.asks("mine who")).toBe("somebody");
    expect(await gateway.node("Warden").asks("mine who")).toBe("operator");
    expect(await gateway.node("Warden").says("!mine who", { channel: 0 })).toEqual(["somebody"]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
