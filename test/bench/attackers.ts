/** Plugins that do their worst to the others, one way each. */

const plugin = (command: string, body: string, fields = "") => ({
  manifest: `capabilities: { commands: [{ name: ${command} }] }\npermissions: [send_messages, schedule_tasks]\n`,
  code: `import { Plugin } from "zephyrgate";
${fields}
export default class Attacker extends Plugin {
  override initialize() { this.registerCommand("${command}", this.attack, { help: "attacks" }); }
  async attack(args: string[]): Promise<string | undefined> { ${body} }
}
`,
});

/** Short of a kill: the run queue and the realm's own walls must hold these. */
export const ATTACKS = {
  loop: plugin("attack_loop", "for (;;);"),
  memory: plugin("attack_memory", "for (;;) kept.push(new Uint8Array(65536).fill(1));", "const kept: Uint8Array[] = [];"),
  timers: plugin(
    "attack_timers",
    `for (let n = 0; n < 10; n++) { const again = () => { const end = Date.now() + 90; while (Date.now() < end); setTimeout(again, 10); }; setTimeout(again, 10); } return args[0];`,
  ),
} as const;

/** Nothing but the end of the process stops this one. */
export const KILLER = plugin("attack_native", "return String([].indexOf.call({ length: 9e15 } as never, 1 as never));");

export const STORAGE = {
  manifest: "capabilities: { commands: [{ name: store }] }\npermissions: [send_messages, database_access]\n",
  code: `import { Plugin } from "zephyrgate";
let spent = 0;
let rounds = 0;
export default class Storage extends Plugin {
  override initialize() { this.registerCommand("store", this.store, { help: "stores and fetches" }); }
  async store(args: string[]) {
    if (args[0] === "forget") [spent, rounds] = [0, 0];
    if (args[0] === "told") return \`\${Math.round((rounds * 1000) / spent)} \${args[1]}\`;
    if (args.length > 1) return args[1];
    const started = Date.now();
    for (let round = 0; round < 200; round++) {
      await this.storeData("key" + (round % 100), { round, text: "a value" });
      await this.retrieveData("key" + (round % 100));
    }
    spent += Date.now() - started;
    rounds += 200;
    return args[0];
  }
}
`,
};

export const INTERVAL = {
  manifest:
    "capabilities: { commands: [{ name: ticks }], scheduled_tasks: [{ name: tick, interval: 1 }] }\npermissions: [send_messages, schedule_tasks]\n",
  code: `import { Plugin } from "zephyrgate";
const ticks: number[] = [];
export default class Interval extends Plugin {
  override initialize() {
    this.registerScheduledTask("tick", { interval: 1 }, this.tick);
    this.registerCommand("ticks", this.told, { help: "says when it ticked" });
  }
  async tick() {
    ticks.push(Date.now());
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  /** How far the last of so many ticks was from its time, and the farthest: ms. */
  told(args: string[]) {
    const count = Number(args[0]);
    const kept = ticks.slice(-count);
    const first = kept[0] ?? 0;
    const off = kept.map((at, index) => at - first - index * 1000);
    const farthest = off.reduce((most, each) => Math.max(most, Math.abs(each)), 0);
    return \`\${kept.length} \${off[off.length - 1]} \${farthest} \${args[1]}\`;
  }
}
`,
};
