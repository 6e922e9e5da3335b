import { describe, expect, test } from "bun:test";
import { startTestGateway, type TestGateway, type TestOptions } from "zephyrgate/testing";
import { questionsOf, wordsToGuess } from "../games/questions.ts";
import { reply } from "../games/tictactoe.ts";
import { bearing, distance } from "../geo.ts";

function start(options: Partial<TestOptions> = {}): Promise<TestGateway> {
  return startTestGateway({ plugin: `${import.meta.dir}/..`, operators: ["Warden"], ...options });
}

const fits = (text: string) => expect({ text, bytes: Buffer.byteLength(text) <= 200 }).toEqual({ text, bytes: true });

describe("who is on the mesh", () => {
  const nodes = [
    { name: "Alice", latitude: 47, longitude: 8, snr: 6.25 },
    { name: "Ridge One", shortName: "RDG1", latitude: 47.01, longitude: 8, hops: 2, batteryLevel: 81 },
    { name: "Ridge Two", latitude: -33.9, longitude: 151.2, batteryLevel: 101 },
  ];

  test("whoami, whois, whereis, howfar", async () => {
    await using gateway = await start({ nodes });
    for (const { name } of nodes) await gateway.node(name).moves();
    const alice = gateway.node("Alice");
    expect(await alice.asks("whoami")).toBe("You are Alice (!00000002), heard directly, SNR 6.25 dB, at 47.00000 8.00000");
    expect(await alice.asks("whois rdg1")).toMatch(/^Ridge One \(!00000003\), short RDG1, .*heard now, 2 hops$/);
    expect(await alice.asks("whereis ridge one")).toMatch(/^Ridge One: 47\.01000 8\.00000.*, 1\.1 km N of you$/);
    expect(await alice.asks("howfar 00000004")).toBe("Ridge Two is 16618 km E (78°) of you");
    expect(await alice.asks('howfar "Ridge One" Alice')).toBe("Alice is 1.1 km S (180°) of Ridge One");
    expect(await alice.asks("whois ridge")).toBe(
      "Which one? Ridge One !00000003, Ridge Two !00000004".replace(/One !.*Two/, (same) => same),
    );
  });

  test("lheard goes on page by page, and nodes counts", async () => {
    const many = Array.from({ length: 20 }, (_, at) => `Somebody with a long name ${at + 1}`);
    await using gateway = await start({ nodes: many });
    for (const name of many) await gateway.node(name).introduces();
    const asker = gateway.node(many[0] ?? "");
    const seen = new Set<string>();
    let asked = "lheard";
    for (let page = 0; page < 20 && asked !== ""; page++) {
      const text = await asker.asks(asked);
      fits(text);
      for (const name of text.match(/Somebody with a long name \d+/g) ?? []) seen.add(name);
      asked = /more: (lheard \d+)/.exec(text)?.[1] ?? "";
    }
    expect([...many].filter((name) => !seen.has(name))).toEqual([]);
    expect(await asker.asks("nodes")).toMatch(/^2[01] nodes known, 2[01] heard in the last hour/);
    expect(await asker.asks("info")).toMatch(/^ZephyrGate 0\.\d+\.\d+: 2[01] nodes known, .*test up|sim.* up/);
  });

  test("names with blanks, emoji and colons are found as they are written, and me is whoever asks", async () => {
    const places = { latitude: 47, longitude: 8 };
    await using gateway = await start({
      nodes: ["Alice", { name: "Old Mill 🌲", shortName: "OM", ...places }, { name: "a:b", shortName: "🦊", latitude: 47.5, longitude: 8 }],
    });
    const alice = gateway.node("Alice");
    await alice.moves({ latitude: 47.00004, longitude: 8 });
    for (const name of ["Old Mill 🌲", "a:b"]) await gateway.node(name).introduces();
    for (const asked of ["whois Old Mill 🌲", "whois @om", 'whois "Old Mill 🌲"'])
      expect(await alice.asks(asked)).toStartWith("Old Mill 🌲 (");
    expect(await alice.asks("whois 🦊")).toStartWith("a:b (");
    expect(await alice.asks("howfar Old Mill 🌲 a:b")).toBe("a:b is 55.6 km N (0°) of Old Mill 🌲");
    expect(await alice.asks("howfar a:b Old Mill 🌲")).toBe("Old Mill 🌲 is 55.6 km S (180°) of a:b");
    expect(await alice.asks("howfar OM")).toBe("Old Mill 🌲 is at the same place as you");
    expect(await alice.asks("howfar me")).toBe("That is you.");
    await gateway.advance({ minutes: 2 });
    expect(await alice.asks("whereis me")).toStartWith("Alice: 47.00004 8.00000");
  });

  test("distances and bearings are those of the atlas", () => {
    const [berlin, paris] = [
      { latitude: 52.52, longitude: 13.405 },
      { latitude: 48.8566, longitude: 2.3522 },
    ];
    expect(Math.round(distance(berlin, paris) / 1000)).toBe(877);
    expect(bearing(berlin, paris)).toBe(247);
    expect(distance({ latitude: 0, longitude: 179.5 }, { latitude: 0, longitude: -179.5 })).toBeCloseTo(111_195, -1);
    expect(distance(paris, paris)).toBe(0);
  });

  test.each([
    ["whois", "Which node? whois NAME"],
    ["whereis", "Which node? whereis NAME"],
    ["howfar", "Which node? howfar NAME, or howfar NAME NAME"],
    ["whois '; DROP TABLE met", "No node is called '; DROP TABLE met. Names: lheard"],
    [`whois ${"é".repeat(80)}`, `No node is called ${"é".repeat(28)}…. Names: lheard`],
    ["lheard -5", /^\S+ /],
    ["lheard 99999", "2 nodes were heard, no more"],
    ["vote x", "There is no open poll"],
    ["quiz scores", "Nobody has points yet. Send quiz"],
  ] as const)("%s", async (asked, answer) => {
    await using gateway = await start();
    await gateway.node("Bob").introduces();
    const text = await gateway.node("Alice").asks(asked);
    fits(text);
    if (typeof answer === "string") expect(text).toBe(answer);
    else expect(text).toMatch(answer);
  });
});

describe("keyword answers", () => {
  const config = {
    answers: [
      { keywords: ["moin", "good morning"], answer: "Moin!", channels: [0], cooldown_s: 60, per_hour: 2 },
      { keywords: ["where is the key"], answer: "Under the stone", match: "exact" },
    ],
  };

  test("where they are told to, with a pause and a cap", async () => {
    await using gateway = await start({ config });
    const alice = gateway.node("Alice");
    expect(await alice.says("well, MOIN all", { channel: 0 })).toEqual(["Moin!"]);
    expect(await alice.says("moin", { channel: 0 })).toEqual([]);
    expect(await alice.says("moin", { channel: 1 })).toEqual([]);
    await gateway.advance({ minutes: 2 });
    expect(await alice.says("Good   morning!", { channel: 0 })).toEqual(["Moin!"]);
    await gateway.advance({ minutes: 2 });
    expect(await alice.says("moin", { channel: 0 })).toEqual([]);
    await gateway.advance({ hours: 1 });
    expect(await alice.says("moin", { channel: 0 })).toEqual(["Moin!"]);
    expect(await alice.says("moinsen", { channel: 0 })).toEqual([]);
  });

  test("exact is the whole text, in direct messages", async () => {
    await using gateway = await start({ config });
    expect(await gateway.node("Alice").says("where is the key?")).toEqual(["Under the stone"]);
    await gateway.advance({ minutes: 1 });
    expect(await gateway.node("Alice").says("tell me where is the key")).not.toContain("Under the stone");
    expect(await gateway.node("Alice").says("where is the key?", { channel: 0 })).toEqual([]);
  });

  test("without any nothing is said on a channel, and idle airtime is zero", async () => {
    await using gateway = await start();
    await gateway.node("Alice").says("good morning", { channel: 0 });
    await gateway.node("Dora").introduces();
    await gateway.advance({ days: 1 });
    expect(gateway.sent).toEqual([]);
  });
});

describe("the welcome", () => {
  test("greets a newcomer once, also over a restart, and nobody who was known", async () => {
    await using gateway = await start({ config: { welcome: { enabled: true, text: "Hello {name}" } } });
    await gateway.node("Bob").introduces();
    await gateway.node("Dora").introduces();
    await gateway.restart({ minutes: 5 });
    await gateway.node("Dora").introduces();
    await gateway.advance({ minutes: 1 });
    expect(gateway.node("Dora").heard).toEqual(["Hello Dora"]);
  });

  test("invented nodes are not greeted without end", async () => {
    await using gateway = await start({ config: { welcome: { enabled: true, text: "" } } });
    for (let at = 0; at < 12; at++) await gateway.node(`Invented ${at}`).introduces();
    expect(gateway.sent.filter(({ text }) => text.startsWith("Welcome to the mesh"))).toHaveLength(6);
  });
});

describe("polls", () => {
  test("begun and ended by operators, one vote each, which may change", async () => {
    await using gateway = await start();
    const [alice, warden] = [gateway.node("Alice"), gateway.node("Warden")];
    expect(await alice.asks("poll new Tea? | yes | no")).toBe("Only operators begin and end polls");
    expect(await warden.asks("poll new Tea?")).toBe("poll new Question? | yes | no (2 to 6 answers)");
    expect(await warden.asks(`poll new ${"x".repeat(175)} | yes | no`)).toBe("That is too long for one message; shorten it");
    await warden.says("poll new Tea? | yes | no");
    expect(await warden.asks("poll new Coffee? | yes | no")).toBe("A poll is open; end it first: poll end");
    expect(await alice.asks("vote 3")).toBe("vote 1 to 2");
    await alice.says("vote 1");
    expect(await alice.asks("vote NO")).toBe("You voted for no. Result so far: poll");
    await alice.says("vote 2");
    await gateway.node("Bob").says("vote 2");
    await gateway.restart();
    expect(await alice.asks("poll")).toBe("POLL Tea?\n1 yes: 0\n2 no: 2\nvote NUMBER");
    await warden.says("poll end");
    expect(await alice.asks("vote 1")).toBe("There is no open poll");
    expect(await warden.asks("vote 1")).toBe("There is no open poll. Begin one: poll new Question? | yes | no");
  });
});

describe("games", () => {
  test("a question is answered, scored, and forgotten when nobody answers", async () => {
    await using gateway = await start();
    const alice = gateway.node("Alice");
    let right = 0;
    for (let round = 0; round < 6; round++) {
      const asked = await alice.asks("quiz");
      const [text = "", options = ""] = asked.split("\n");
      const answer = questionsOf("en").find(([question]) => question === text)?.[1] ?? "";
      const letter = ["A", "B", "C"].find((each) => new RegExp(`${each} ${answer.replace(/[?.]/g, ".")}(?:  |$)`).test(options)) ?? "";
      expect(await alice.asks(letter)).toBe(`Right! You have ${++right === 1 ? "1 point" : `${right} points`}.`);
    }
    await alice.says("quiz");
    expect(await alice.asks("nonsense")).toBe("A, B or C? (q ends)");
    expect(await alice.asks("still nonsense")).toMatch(/^Another time; it was [ABC], /);
    await alice.says("quiz");
    await gateway.advance({ minutes: 3 });
    expect(alice.heard.at(-1)).toMatch(/^Another time; it was /);
    expect(await gateway.node("Bob").asks("quiz scores")).toBe("1. Alice 6 points");
  });

  test("hangman keeps its word over a restart of the gateway, and is won and lost", async () => {
    await using gateway = await start();
    const alice = gateway.node("Alice");
    const first = await alice.asks("hangman");
    const { length } = first.match(/_/g) ?? [];
    await gateway.restart({ seconds: 20 });
    await alice.says("zz");
    expect(alice.heard.at(-1)).toStartWith("One letter, or the whole word. ");
    for (const letter of "bdfjvwzaeioulnrstcghkmpy") {
      if (/^(?:Yes|Hanged)/.test(alice.heard.at(-1) ?? "")) break;
      await alice.says(letter);
    }
    const end = alice.heard.at(-1) ?? "";
    expect(end).toMatch(/^(?:Yes: |Hanged. It was )/);
    const word = /(?:Yes: |It was )(\p{L}+)/u.exec(end)?.[1] ?? "";
    expect(wordsToGuess("en")).toContain(word);
    expect(word).toHaveLength(length ?? 0);
  });

  test("tic-tac-toe: a fork wins, a field that is taken is said, q leaves", async () => {
    await using gateway = await start();
    const alice = gateway.node("Alice");
    expect(await alice.asks("ttt")).toBe("1|2|3\n4|5|6\n7|8|9\nYou are X. Which field, 1 to 9? (q ends)");
    expect(await alice.asks("5")).toStartWith("O|2|3\n4|X|6\n7|8|9\n");
    expect(await alice.asks("5")).toStartWith("That field is not free. O|2|3");
    await gateway.restart({ seconds: 10 });
    expect(await alice.asks("9")).toStartWith("O|2|O\n4|X|6\n7|8|X\n");
    expect(await alice.asks("2")).toStartWith("O|X|O\n4|X|6\n7|O|X\n");
    expect(await alice.asks("q")).toBe("Another time.");
  });

  test("it never plays on a field that is taken, and ends every game", () => {
    const lines: [number, number, number][] = [
      [0, 1, 2],
      [3, 4, 5],
      [6, 7, 8],
      [0, 3, 6],
      [1, 4, 7],
      [2, 5, 8],
      [0, 4, 8],
      [2, 4, 6],
    ];
    const won = (board: readonly (string | null)[], mark: string) => lines.some((line) => line.every((at) => board[at] === mark));
    const ends = { X: 0, O: 0, draw: 0 };
    const play = (board: readonly ("X" | "O" | null)[]): void => {
      for (const at of board.keys()) {
        if (board[at] !== null) continue;
        const mine = board.map((field, index) => (index === at ? "X" : field));
        if (won(mine, "X")) ends.X++;
        else if (!mine.includes(null)) ends.draw++;
        else {
          const answer = reply(mine);
          expect(mine[answer]).toBeNull();
          const both = mine.map((field, index) => (index === answer ? "O" : field));
          if (won(both, "O")) ends.O++;
          else play(both);
        }
      }
    };
    play(Array.from({ length: 9 }, () => null));
    expect(Object.values(ends).every((count) => count > 0)).toBe(true);
  });

  test.each(["en", "de"])("every question fits one message (%s)", (language) => {
    for (const question of questionsOf(language)) fits(`${question[0]}\nA ${question[1]}  B ${question[2]}  C ${question[3]}`);
  });
});

test("in German", async () => {
  await using gateway = await start({ settings: { language: "de" } });
  expect(await gateway.node("Alice").asks("whois niemand")).toBe("Kein Knoten heißt niemand. Namen: lheard");
  expect(await gateway.node("Alice").asks("help howfar")).toContain("Wie weit es zu einem Knoten ist");
});
