/**
 * A day in the life of a mesh: people who use what a gateway offers at its first start, a call for help that two gateways hear, and
 * two restarts. It runs on the simulated mesh with a virtual clock and gives a transcript; docs/USER_GUIDE.md shows it.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { openMeteo, places } from "../../plugins/weather/tests/services.ts";
import { startTestGateway, type TestGateway } from "../../src/testing/index.ts";

const PLUGINS = join(import.meta.dir, "../../plugins");
/** Off until they are wanted; see the catalogue of the gateway. */
const OFF = new Set(["bridge", "broadcasts", "checkin"]);
const ON = readdirSync(PLUGINS).filter((name) => !name.includes(".") && !OFF.has(name));

const PEOPLE = [
  { name: "Alice", latitude: 47.36, longitude: 8.55, snr: 6.25 },
  { name: "Ridge", latitude: 47.41, longitude: 8.62 },
  { name: "Valley", latitude: 47.3, longitude: 8.5 },
  { name: "Warden", latitude: 47.37, longitude: 8.54 },
] as const;

/** One text of the gateway as somebody heard it. */
export interface Heard {
  readonly by: string;
  readonly text: string;
  /** ms since 1970, on the virtual clock. */
  readonly at: number;
  /** Its place among all that was said and heard. */
  readonly order: number;
}

/** What was said and heard, chapter by chapter. */
export interface Day {
  readonly chapters: ReadonlyMap<string, string>;
  readonly heard: readonly Heard[];
  readonly said: readonly Heard[];
  /** Of the gateway that speaks German. */
  readonly german: readonly Heard[];
  /** Messages of the gateway, with what became of them. */
  readonly sent: readonly { readonly text: string; readonly to: string; readonly state: string; readonly plugin: string | null }[];
  /** Before anybody said anything, for a day. */
  readonly unasked: readonly string[];
  /** What the operator of the second gateway heard. */
  readonly secondHeard: readonly string[];
  readonly failures: readonly string[];
}

class Story {
  readonly chapters = new Map<string, string>();
  readonly heard: Heard[] = [];
  readonly said: Heard[] = [];
  readonly #fresh: { readonly text: string; readonly by: readonly string[]; readonly at: number }[] = [];
  #lines: string[] = [];
  #order = 0;

  constructor(readonly gateway: TestGateway) {}

  begin(chapter: string): void {
    this.#lines = [];
    this.#hear();
    this.#lines.length = 0;
    this.chapters.set(chapter, "");
  }

  end(): void {
    const name = [...this.chapters.keys()].at(-1) ?? "";
    this.chapters.set(name, this.#lines.join("\n"));
  }

  /** Somebody writes to the gateway; what anybody then hears follows. */
  async says(by: string, text: string, channel?: number): Promise<void> {
    this.#lines.push(`${by}${channel === undefined ? "" : ` on channel ${channel}`}: ${text}`);
    this.said.push({ by, text, at: this.gateway.now.getTime(), order: this.#order++ });
    await this.gateway.node(by).says(text, channel === undefined ? {} : { channel });
    this.#hear();
  }

  /** Time passes, or something else happens. */
  async meanwhile(what: string, happens: () => Promise<void>): Promise<void> {
    this.#lines.push(`(${what})`);
    await happens();
    this.#hear();
  }

  /** Hears the mesh in the order of its transmissions; again after each restart, which makes a new one. */
  listen(): void {
    this.gateway.mesh.onHeard(({ text, heardBy, at }) =>
      this.#fresh.push({ text, by: PEOPLE.flatMap(({ name }, index) => (heardBy.includes(index + 2) ? [name] : [])), at }),
    );
  }

  #hear(): void {
    for (const { text, by, at } of this.#fresh.splice(0)) {
      for (const each of by) this.heard.push({ by: each, text, at, order: this.#order++ });
      const to = by.length > 1 ? "everybody" : (by[0] ?? "nobody");
      this.#lines.push(`  to ${to}: ${text.split("\n").join(`\n${" ".repeat(to.length + 7)}`)}`);
    }
  }
}

/** Plays it. */
export async function playDay(): Promise<Day> {
  await using gateway = await startTestGateway({
    plugin: ON.map((name) => join(PLUGINS, name)),
    nodes: PEOPLE,
    operators: ["Warden"],
    settings: {
      plugins: {
        config: {
          bot: { motd: "Meeting on Sunday at the hut" },
          emergency: { responders: ["Ridge", "Valley"] },
          weather: { time_zone: "Europe/Zurich" },
        },
      },
    },
  });
  await using second = await startTestGateway({ plugin: join(PLUGINS, "emergency"), nodes: [...PEOPLE, "Summit"], operators: ["Summit"] });
  openMeteo(gateway);
  places(gateway);
  const story = new Story(gateway);
  story.listen();
  for (const { name } of PEOPLE) await gateway.node(name).introduces();
  for (const { name } of PEOPLE) await gateway.node(name).moves();
  await gateway.advance({ days: 1 });
  const unasked = gateway.sent.map(({ text }) => text);
  for (const { name } of PEOPLE) await gateway.node(name).moves();
  await playMorning(story);
  await playEvening(story, second);
  const german = await playGerman();
  for (const [chapter, text] of german.chapters) story.chapters.set(chapter, text);
  return {
    chapters: story.chapters,
    heard: story.heard,
    german: german.heard,
    said: story.said,
    sent: gateway.sent.map(({ text, to, state, plugin }) => ({ text, to, state, plugin })),
    unasked,
    secondHeard: second.node("Summit").heard,
    failures: gateway.logs.filter(({ level }) => level === "ERROR").map(({ message }) => message),
  };
}

/** The same gateway where the mesh speaks German. */
async function playGerman(): Promise<Story> {
  await using gateway = await startTestGateway({
    plugin: ON.map((name) => join(PLUGINS, name)),
    nodes: PEOPLE,
    operators: ["Warden"],
    settings: { language: "de", plugins: { config: { emergency: { responders: ["Ridge"] }, weather: { time_zone: "Europe/Zurich" } } } },
  });
  openMeteo(gateway);
  places(gateway);
  const story = new Story(gateway);
  story.listen();
  for (const { name } of PEOPLE) await gateway.node(name).introduces();
  for (const { name } of PEOPLE) await gateway.node(name).moves();
  story.begin("german");
  await story.says("Alice", "Moin!");
  await story.says("Alice", "help howfar");
  await story.says("Alice", "howfar Ridge");
  await story.says("Alice", "bbs post Boot zu verkaufen | Rot, 4 m, am Steg");
  await story.says("Ridge", "bbs read 1");
  await story.says("Alice", "wx Zürich");
  await story.says("Alice", "sun");
  await story.says("Alice", "SOSM Bein gebrochen");
  await story.says("Ridge", "responding");
  await story.says("Ridge", "clear 1 sie ist bei mir");
  story.end();
  return story;
}

async function playMorning(story: Story): Promise<void> {
  const { gateway } = story;
  story.begin("help");
  await story.says("Alice", "hello?");
  await story.says("Alice", "help");
  await story.says("Alice", "help 2");
  await story.says("Alice", "help howfar");
  story.end();

  story.begin("people");
  await story.says("Alice", "whoami");
  await story.says("Alice", "lheard");
  await story.says("Alice", "howfar Ridge");
  await story.says("Alice", "!ping", 0);
  await story.says("Alice", "motd");
  story.end();

  story.begin("boards");
  await story.says("Alice", "bbs post Boat for sale | Red, 4 m, at the pier. 200");
  await story.says("Ridge", "bbs list");
  await story.says("Ridge", "bbs read 1");
  await story.says("Ridge", "bbs reply 1 Is it still there?");
  await story.says("Alice", "bbs thread 1");
  story.end();

  story.begin("menu");
  await story.says("Valley", "menu");
  await story.says("Valley", "1");
  await story.says("Valley", "q");
  story.end();

  story.begin("mail");
  await story.says("Alice", "mail send Ridge See you at the pier at six");
  await story.meanwhile("Ridge's radio is heard", async () => {
    await gateway.node("Ridge").reports({ batteryLevel: 78 });
    await gateway.advance({ minutes: 1 });
  });
  await story.says("Ridge", "mail read");
  await story.says("Ridge", "mail reply 1 I bring the bread");
  await story.says("Alice", "mail read");
  story.end();

  story.begin("weather");
  await story.says("Alice", "wx");
  await story.says("Alice", "forecast 3 Zürich");
  await story.says("Alice", "sun");
  await story.says("Alice", "moon");
  await story.meanwhile("three hours later, the internet is gone", async () => {
    gateway.http.respond(/./, { error: "refused" });
    await gateway.advance({ hours: 3 });
  });
  await story.says("Alice", "wx");
  story.end();
}

async function playEvening(story: Story, second: TestGateway): Promise<void> {
  const { gateway } = story;
  story.begin("games");
  await story.says("Alice", "tictactoe");
  await story.says("Alice", "5");
  await story.meanwhile("the gateway is restarted", async () => {
    await gateway.restart({ seconds: 30 });
    story.listen();
  });
  await story.says("Alice", "9");
  await story.says("Alice", "q");
  story.end();

  story.begin("tell");
  gateway.node("Ridge").leaves();
  await gateway.advance({ minutes: 10 });
  await story.says("Alice", "tell Ridge call me before six");
  await story.meanwhile("Ridge comes back into range an hour later", async () => {
    await gateway.advance({ hours: 1 });
    gateway.node("Ridge").comesBack();
    await gateway.node("Ridge").reports({ batteryLevel: 71 });
    await gateway.advance({ minutes: 1 });
  });
  story.end();

  story.begin("sos");
  gateway.node("Valley").leaves();
  // The other gateway hears the same call.
  await second.node("Alice").says("SOSM leg broken at the bridge", { channel: 0 });
  await story.says("Alice", "SOSM leg broken at the bridge", 0);
  await story.meanwhile("two minutes later", () => gateway.advance({ minutes: 2 }));
  await story.says("Ridge", "responding");
  await story.says("Alice", "it is cold here");
  await story.meanwhile("the gateway is restarted, and Valley comes back into range", async () => {
    await gateway.restart({ seconds: 30 });
    story.listen();
    gateway.node("Valley").comesBack();
    await gateway.node("Valley").moves();
    await gateway.advance({ minutes: 6 });
  });
  await story.says("Alice", "status");
  await story.says("Ridge", "clear 1 she is with me");
  story.end();

  story.begin("drill");
  await story.says("Valley", "SOS TEST");
  await story.says("Ridge", "ack");
  await story.says("Valley", "cancel");
  story.end();
}
