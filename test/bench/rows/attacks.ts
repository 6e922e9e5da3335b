/** What others notice of a plugin that does its worst. */
import { ATTACKS, KILLER } from "../attackers.ts";
import { row, type Settings, type Tell } from "../row.ts";
import { percentile } from "../system.ts";
import { commandOf, type World, withWorld } from "../world.ts";

const ASKER = 0;
const EVERY_MS = 10;
const ROUND_MS = 1_500;
const NEVER_MS = 30_000;
const PLUGINS = 50;

/** Asks one plugin again and again for so long; an answer that never comes counts as 30 s. */
async function victim(world: World, ms: number): Promise<number[]> {
  const took: number[] = [];
  const end = performance.now() + ms;
  while (performance.now() < end) {
    took.push((await world.radio.ask(commandOf(0), ASKER, NEVER_MS))?.ms ?? NEVER_MS);
    await Bun.sleep(EVERY_MS);
  }
  return took;
}

export async function attacks({ binary, rounds, full }: Settings, tell: Tell): Promise<void> {
  const ms = full ? 4 * ROUND_MS : ROUND_MS;
  for (const [name, attacker] of Object.entries(ATTACKS)) {
    await withWorld({ command: [binary], plugins: 9, further: { attacker } }, async (world) => {
      await world.start();
      const quiet = await victim(world, ms);
      const values: number[] = [];
      const again = setInterval(() => world.radio.say(`attack_${name}`, 100), 50);
      for (let round = 0; round < rounds; round++) values.push(percentile(await victim(world, ms), 0.99));
      clearInterval(again);
      const bare = { what: "without the attack", value: percentile(quiet, 0.99) };
      const figure = `another plugin's p99, attack by ${name}`;
      tell(row({ id: `attack.${name}`, figure, values, unit: "ms", target: 60, bare }));
    });
  }
}

/** From the end of the plugin host until every plugin answers again; and from the attack itself, until it is noticed and repaired. */
export async function killed({ binary, rounds }: Settings, tell: Tell): Promise<void> {
  const back: number[] = [];
  // Each in a gateway of its own: a host that dies again within 30 s is started later on purpose.
  for (let round = 0; round < rounds; round++) {
    await withWorld({ command: [binary], plugins: PLUGINS }, async (world) => {
      await world.start();
      await allAnswer(world);
      await Bun.sleep(200);
      process.kill(world.host, "SIGKILL");
      back.push(await allAnswer(world));
    });
  }
  tell(row({ id: "killed.back", figure: `host killed, ${PLUGINS} plugins back`, values: back, unit: "ms", target: 600 }));
  const whole: number[] = [];
  for (let round = 0; round < rounds; round++) {
    await withWorld({ command: [binary], plugins: PLUGINS, further: { attacker: KILLER } }, async (world) => {
      await world.start();
      await allAnswer(world);
      world.radio.say("attack_native", 100);
      await Bun.sleep(20);
      whole.push(20 + (await allAnswer(world)));
    });
  }
  const figure = `hog in native code noticed, host killed, ${PLUGINS} plugins back`;
  tell(row({ id: "killed.whole", section: "further", figure, values: whole, unit: "ms" }));
}

/** Milliseconds until each plugin has answered a question that was asked now. */
async function allAnswer(world: World): Promise<number> {
  const started = performance.now();
  const asked = Array.from({ length: PLUGINS }, (_, index) => world.radio.ask(commandOf(index), index, NEVER_MS));
  const answers = await Promise.all(asked);
  return answers.includes(null) ? NEVER_MS : performance.now() - started;
}
