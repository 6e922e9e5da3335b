import { expect, test } from "bun:test";
import { startTestGateway, type TestGateway, type TestOptions } from "zephyrgate/testing";

const plugin = `${import.meta.dir}/..`;
const start = (options: Partial<TestOptions> = {}) => startTestGateway({ plugin, nodes: ["Alice", "Bob", "Ridge"], ...options });

/** Every text that was sent fits one packet. */
function allFit(gateway: TestGateway) {
  for (const { text } of gateway.sent) expect({ text, fits: Buffer.byteLength(text) <= 200 }).toEqual({ text, fits: true });
}

test("a bulletin is posted, listed, read, answered, found and deleted, each in one line", async () => {
  await using gateway = await start();
  const [alice, bob] = [gateway.node("Alice"), gateway.node("Bob")];
  expect(await alice.asks("bbs list")).toBe("Nothing on general yet. Be the first: bbs post general SUBJECT | TEXT");
  expect(await alice.asks("bbs post trading Boat for sale | 4 m, red, with oars")).toBe("Posted as 1 on trading.");
  expect(await alice.asks("bbs post Who has a ladder?")).toBe("Posted as 2 on general.");
  await gateway.advance({ hours: 3 });
  expect(await bob.asks("bbs list trading")).toBe("trading (1)\n1 Boat for sale (Alice 3h)");
  expect(await bob.asks("bbs list")).toBe("trading (1)\n1 Boat for sale (Alice 3h)");
  expect(await bob.asks("bbs read 1")).toBe("1 Boat for sale\nAlice, 3h, trading\n4 m, red, with oars");
  expect(await bob.asks("bbs reply 1 is it still there?")).toBe("Reply 3 posted to 1.");
  expect(await alice.asks("bbs list trading")).toBe("trading (1)\n1 Boat for sale (Alice 3h) +1");
  expect(await alice.asks("bbs thread 1")).toBe("Replies to 1 Boat for sale\n3 is it still there? (Bob now)");
  expect(await alice.asks("bbs read 3")).toBe("3 re 1: Boat for sale\nBob, now\nis it still there?");
  expect(await bob.asks("bbs search LADDER")).toBe("Found LADDER\n2 Who has a ladder? (Alice 3h)");
  expect(await bob.asks("bbs search nothing like it")).toBe("Nothing about nothing like it.");
  expect(await bob.asks("bbs delete 1")).toBe("1 is not yours.");
  expect(await alice.asks("bbs delete 1")).toBe("1 is emptied; its replies stay.");
  expect(await bob.asks("bbs read 1")).toContain("(deleted)");
  expect(await alice.asks("bbs delete 2")).toBe("2 is deleted.");
  expect(await bob.asks("bbs boards")).toBe(
    "BOARDS (number of bulletins)\ngeneral (0)\nemergency (0)\n> trading (1)\nevents (0)\ntechnical (0)",
  );
  allFit(gateway);
});

test("what is mistyped is answered with what to send", async () => {
  await using gateway = await start();
  const alice = gateway.node("Alice");
  for (const [text, answer] of [
    ["bbs read 99", "There is no bulletin 99."],
    ["bbs read nine", "Send a number, such as: bbs read 12"],
    ["bbs list nowhere", 'No board "nowhere". There are: general, emergency, trading, events, technical'],
    ["bbs nonsense", /^bbs boards/],
    ["bbs constructor", /^bbs boards/],
    ["bbs block Bob", /^bbs boards/],
    ["mail read 7", "You have no letter 7."],
    ["mail delete x", "Send a number, such as: mail delete 3"],
    ["mail send Nobody hello", /^No single node is called "Nobody"/],
    ["mail send Simulated hello", /^No single node/],
    ["chan info 5", "There is no channel 5."],
    ["chan add | 145.5", /^chan list/],
  ] as const) {
    const said = await alice.asks(text);
    if (typeof answer === "string") expect(said).toBe(answer);
    else expect(said).toMatch(answer);
  }
  allFit(gateway);
});

test("composing asks for subject and text, and exit stores nothing", async () => {
  await using gateway = await start();
  const alice = gateway.node("Alice");
  expect(await alice.asks("bbs post events")).toBe("What is it about? One short line; exit ends.");
  expect(await alice.asks("Barn dance")).toBe("And the text?");
  expect(await alice.asks("Saturday at eight")).toBe("Posted as 1 on events.");
  expect(await alice.asks("bbs post")).toMatch(/^What is it about/);
  expect(await alice.asks("exit")).toBe("Stopped; nothing was stored.");
  for (const asked of ["bbs read", "bbs delete", "mail reply", "chan info"]) {
    expect(await alice.asks(asked)).toBe("Which number?");
    expect(await alice.asks("exit")).toBe("Stopped; nothing was stored.");
  }
  expect(await alice.asks("bbs board events")).toBe("You are on the board events. bbs list shows its bulletins.");
  expect(await alice.asks("mail send")).toMatch(/^To whom\?/);
  expect(await alice.asks("Ridge")).toMatch(/^What is it about/);
  expect(await alice.asks("Tea")).toBe("And the text?");
  expect(await alice.asks("Come over")).toBe("Letter 1 is kept for Ridge, who is told when heard.");
  expect(await gateway.node("Ridge").says("mail read")).toContain("1 Tea\nfrom Alice, now\nCome over");
});

test("the menus lead to the same actions", async () => {
  await using gateway = await start();
  const alice = gateway.node("Alice");
  expect(await alice.asks("bbs")).toBe("BBS\n1 Mail\n2 Bulletins\n3 Channels\n4 Statistics\nb=back q=quit");
  expect(await alice.asks("bulletins")).toMatch(/^BULLETINS\n1 Boards\n2 List\n3 Read\n4 Post/);
  expect(await alice.asks("post Menu works | indeed")).toBe("Posted as 1 on general.");
  expect(await alice.asks("read")).toBe("Which number?");
  expect(await alice.asks("1")).toMatch(/^1 Menu works\nAlice, now, general\nindeed/);
  expect(await alice.asks("mail send Ridge from inside the menu")).toMatch(/^Letter 1 is kept/);
  expect(await alice.asks("bbs read 1")).toMatch(/^1 Menu works/);
  expect(await alice.asks("q")).toMatch(/closed/);
  expect(await alice.asks("menu bbs mail list")).toMatch(/^No mail/);
});

test("mail reaches its receiver alone, with one notice, and is answered", async () => {
  await using gateway = await start();
  const [alice, bob, ridge] = [gateway.node("Alice"), gateway.node("Bob"), gateway.node("Ridge")];
  expect(await alice.asks("mail send ridge hello there")).toMatch(/^Letter 1 is kept for Ridge/);
  expect(await bob.asks(`mail send ${ridge.id} and from Bob`)).toMatch(/^Letter 2 is kept for Ridge/);
  expect(await bob.asks("mail read 1")).toBe("You have no letter 1.");
  expect(ridge.heard).toEqual([]);
  await ridge.reports({ batteryLevel: 90 });
  await gateway.advance({ minutes: 1 });
  expect(ridge.heard).toEqual(["You have 2 new letters. Send: mail"]);
  await ridge.reports({ batteryLevel: 89 });
  await gateway.restart({ minutes: 5 });
  await ridge.reports({ batteryLevel: 88 });
  await gateway.advance({ minutes: 1 });
  expect(ridge.heard).toHaveLength(1);
  expect(await ridge.asks("mail")).toBe("MAIL 2 new, 2 in all\n2* Bob: and from Bob (7m)\n1* Alice: hello there (7m)");
  expect(await ridge.asks("mail read")).toBe("1 from Alice, 7m\nhello there\n1 more: mail read");
  expect(await ridge.asks("mail reply 1 good to hear")).toMatch(/^Letter 3 is kept for Alice/);
  expect(await ridge.asks("mail delete 1")).toBe("Letter 1 is deleted.");
  expect(await alice.asks("mail read 3")).toContain("good to hear");
  allFit(gateway);
});

test("whoever asks for the mail needs no notice", async () => {
  await using gateway = await start();
  const [alice, ridge] = [gateway.node("Alice"), gateway.node("Ridge")];
  await alice.asks("mail send Ridge hello");
  expect(await ridge.says("mail")).toHaveLength(1);
  await gateway.advance({ minutes: 5 });
  expect(ridge.heard).toHaveLength(1);
});

test("mail says nothing on a channel", async () => {
  await using gateway = await start();
  await gateway.node("Bob").asks("mail send Alice secret");
  expect(await gateway.node("Alice").says("!mail read", { channel: 0 })).toEqual(["Mail is private: send this as a direct message to me."]);
});

test("limits hold, and make room where they can", async () => {
  await using gateway = await start({ config: { max_bulletins: 10, max_per_author: 3, max_letters: 2 }, nodes: ["A", "B", "C", "D", "E"] });
  for (const name of ["A", "B", "C", "D"]) for (let at = 0; at < 3; at++) await gateway.node(name).says(`bbs post ${name}${at}`);
  expect(await gateway.node("A").asks("bbs list")).toMatch(/^general \(10\)\n12 D2/);
  expect(await gateway.node("A").asks("bbs read 2")).toBe("There is no bulletin 2.");
  expect(await gateway.node("D").asks("bbs post one too many")).toBe("You have 3 bulletins; delete one first: bbs delete NR");
  for (let at = 0; at < 2; at++) await gateway.node("A").says(`mail send E ${at}`);
  expect(await gateway.node("A").asks("mail send E again")).toBe("The mailbox of E is full.");
});

test("old bulletins and letters go", async () => {
  await using gateway = await start({ config: { bulletin_days: 1, mail_days: 2 } });
  const [alice, bob] = [gateway.node("Alice"), gateway.node("Bob")];
  await alice.asks("bbs post old one");
  await alice.asks("mail send Bob old letter");
  await gateway.advance({ hours: 26 });
  expect(await bob.asks("bbs list")).toMatch(/^Nothing on general/);
  expect(await bob.says("mail read 1")).toContain("1 from Alice, 26h\nold letter");
  await gateway.advance({ days: 1 });
  expect(await bob.asks("mail read 1")).toBe("You have no letter 1.");
});

test("an operator deletes anything, and closes the boards to a node", async () => {
  await using gateway = await start({ operators: ["Warden"] });
  const [alice, warden] = [gateway.node("Alice"), gateway.node("Warden")];
  await alice.asks("bbs post Rude words");
  await gateway.node("Bob").asks("bbs reply 1 more of them");
  expect(await warden.asks("bbs delete 1")).toBe("1 and 1 reply are deleted.");
  expect(await warden.asks("bbs block Alice")).toBe("Alice may not post any more.");
  expect(await warden.asks("bbs blocked")).toMatch(/^Blocked nodes\n!\w+ Alice$/);
  expect(await alice.asks("bbs post again")).toBe("This board is closed to you.");
  expect(await warden.asks("bbs unblock Alice")).toBe("Alice may post again.");
  expect(await alice.asks("bbs post nicely")).toBe("Posted as 3 on general.");
});

test("a long text is read page by page", async () => {
  await using gateway = await start();
  const alice = gateway.node("Alice");
  const words = Array.from({ length: 60 }, (_, at) => `wörd${at}`).join(" ");
  await alice.asks("bbs post");
  await alice.asks("Long");
  await alice.asks(words.slice(0, 200));
  let page = 1;
  let read = "";
  for (let answer = await alice.asks("bbs read 1"); ; answer = await alice.asks(`bbs read 1 ${page}`)) {
    read += `${answer.replace(/\nmore: .*$/, "").replace(/^1 Long\n.*\n/, "")} `;
    if (!answer.includes("more: ")) break;
    page++;
  }
  expect(page).toBe(2);
  expect(read.trim()).toBe(words.slice(0, 200).trim());
  allFit(gateway);
});

test("the channel directory", async () => {
  await using gateway = await start({ operators: ["Warden"] });
  const [alice, bob] = [gateway.node("Alice"), gateway.node("Bob")];
  expect(await alice.asks("chan add Ridge Repeater | 145.600 | CTCSS 88.5 | Mt Foo, 40 km | up all day")).toBe(
    "Channel 1 Ridge Repeater is added.",
  );
  expect(await bob.asks("chan info 1")).toBe(
    "1 Ridge Repeater\nFrequency: 145.600\nTone: CTCSS 88.5\nPlace: Mt Foo, 40 km\nby Alice, now\nup all day",
  );
  expect(await bob.asks("chan add")).toMatch(/^The channel's name/);
  for (const answer of ["Harbour", "156.8", "-", "-"]) await bob.asks(answer);
  expect(await bob.asks("-")).toBe("Channel 2 Harbour is added.");
  expect(await alice.asks("channels")).toBe("CHANNELS (2)\n1 Ridge Repeater 145.600\n2 Harbour 156.8");
  expect(await alice.asks("chan search harb")).toBe("Found harb\n2 Harbour 156.8");
  expect(await bob.asks("chan delete 1")).toBe("1 is not yours.");
  expect(await gateway.node("Warden").asks("chan verify 1")).toBe("Channel 1 is marked as verified.");
  expect(await alice.asks("chan list")).toContain("1 Ridge Repeater 145.600 ✓");
});

test("statistics tell who is active and whose battery is low", async () => {
  await using gateway = await start();
  const [alice, ridge] = [gateway.node("Alice"), gateway.node("Ridge")];
  for (let at = 0; at < 3; at++) await ridge.reports({ batteryLevel: 9 });
  await gateway.restart({ minutes: 1 });
  await ridge.reports({ batteryLevel: 8 });
  expect(await alice.asks("stats")).toMatch(
    /^Bulletins 0, letters 0, channels 0\nMost heard in 7 days:\nRidge \d+\n(?:.*\n)*Low batteries:\nRidge 8%$/,
  );
});

test("speaks German", async () => {
  await using gateway = await start({ settings: { language: "de" } });
  const alice = gateway.node("Alice");
  expect(await alice.asks("bbs post Boot zu verkaufen | 4 m, rot")).toBe("Als 1 auf general ausgehängt.");
  expect(await alice.asks("menu bbs bulletins")).toMatch(/1 Bretter\n2 Liste\n3 Lesen/);
  expect(await alice.asks("list")).toBe("general (1)\n1 Boot zu verkaufen (Alice jetzt)");
});

test("a question that is open when the gateway restarts is answered afterwards", async () => {
  await using gateway = await start();
  const alice = gateway.node("Alice");
  await alice.asks("bbs post");
  await alice.asks("Lost dog");
  await gateway.restart({ minutes: 1 });
  expect(await alice.asks("Brown, one ear")).toBe("Posted as 1 on general.");
  expect(await alice.asks("bbs read 1")).toContain("Brown, one ear");
});

test("one node cannot fill everybody's mailboxes", async () => {
  await using gateway = await start({ config: { max_unread_sent: 2 } });
  const [alice, ridge] = [gateway.node("Alice"), gateway.node("Ridge")];
  await alice.asks("mail send !0000abcd one");
  await alice.asks("mail send Ridge two");
  expect(await alice.asks("mail send !0000abce three")).toBe("2 letters of yours were not read yet; wait until they are.");
  await ridge.says("mail read 2");
  expect(await alice.asks("mail send !0000abce three")).toMatch(/^Letter 3 is kept/);
});

test("the console takes bulletins over, once, and gives them all back page by page; letters it does not give", async () => {
  await using gateway = await start();
  const bulletins = Array.from({ length: 60 }, (_, at) => ({
    ...{ board: "general", thread: null, subject: `S${at}`, body: "b", author: "!0000aaaa", author_name: "Old", at: Date.now() },
    origin: `there:${at}`,
  }));
  const letter = {
    receiver: gateway.node("Ridge").id,
    sender: "!0000aaaa",
    sender_name: "Old",
    subject: "",
    body: "from before",
    at: Date.now(),
  };
  const given = { bulletins, letters: [{ ...letter, origin: "there:1" }], names: [{ node: "!0000aaaa", long: "Old Mill", short: "OM" }] };
  expect(await gateway.plugin.ask("import", given)).toEqual({
    bulletins: 60,
    letters: 1,
    channels: 0,
    names: 1,
    refused: [],
    refused_count: 0,
  });
  expect(await gateway.plugin.ask("import", given)).toEqual({
    bulletins: 0,
    letters: 0,
    channels: 0,
    names: 0,
    refused: [],
    refused_count: 0,
  });
  const pages: string[] = [];
  for (let next: unknown = null; ; ) {
    const page = (await gateway.plugin.ask("export", next as null)) as { text: string; next: unknown };
    pages.push(page.text);
    if (page.next === null) break;
    next = page.next;
  }
  expect(pages.join("\n").split("\n")).toHaveLength(60);
  expect(pages.join("")).not.toContain("from before");
  expect(await gateway.node("Alice").asks("mail send old mill hello")).toMatch(/is kept for Old Mill/);
  await expect(gateway.plugin.ask("nonsense")).rejects.toThrow(/does not answer/);
});

test("an import trusts no row: each that is not as it must be is refused with its reason, and the others are taken", async () => {
  await using gateway = await start();
  const good = { board: "general", subject: "S", body: "b", author: "!0000aaaa", author_name: "Old", at: Date.now(), origin: "there:1" };
  const bad: readonly (readonly [unknown, RegExp])[] = [
    [null, /no object/],
    ["text", /no object/],
    [{ ...good, board: "no where" }, /"no where" is no board/],
    [{ ...good, board: { toString: 1 } }, /is no board/],
    [{ ...good, subject: 7 }, /subject is no text/],
    [{ ...good, subject: "\u202e\u0007 " }, /no subject/],
    [{ ...good, body: "x".repeat(1_001) }, /body has 1001 characters/],
    [{ ...good, author: "Alice" }, /author is no node id/],
    [{ ...good, at: "yesterday" }, /at is no time/],
    [{ ...good, at: 1e300 }, /at is no time/],
    [{ ...good, origin: "" }, /no origin/],
  ];
  const letter = {
    receiver: gateway.node("Ridge").id,
    sender: "!0000aaaa",
    sender_name: "O\u202eld",
    subject: "",
    body: "be\u0007fore",
    at: Date.now(),
  };
  const letters = [
    { ...letter, origin: "l1" },
    { ...letter, receiver: "Ridge", origin: "l2" },
    { ...letter, isRead: "no", origin: "l3" },
  ];
  const given = { bulletins: [...bad.map(([row]) => row), good], letters, channels: "all", names: [{ node: 5, long: "x" }], users: [] };
  const answer = (await gateway.plugin.ask("import", given as never)) as {
    bulletins: number;
    letters: number;
    refused: { kind: string; row: number; reason: string }[];
    refused_count: number;
  };
  expect(answer).toMatchObject({ bulletins: 1, letters: 1, channels: 0, names: 0 });
  for (const [at, [, reason]] of bad.entries())
    expect(answer.refused.find(({ kind, row }) => kind === "bulletins" && row === at)?.reason ?? "").toMatch(reason);
  expect(answer.refused_count).toBe(bad.length + 2 + 1 + 1 + 1);
  expect(await gateway.node("Ridge").asks("mail read")).toBe("1 from O ld, now\nbe fore");
  const many = Array.from({ length: 60 }, () => 1);
  expect(await gateway.plugin.ask("import", { bulletins: many })).toMatchObject({ refused_count: 60, refused: { length: 40 } });
  expect(await gateway.plugin.ask("import", ["rubbish"])).toMatchObject({ bulletins: 0, refused_count: 0 });
});

test("what people write stays as they wrote it, quotes and all, in one line and by the menu; nothing that turns a display gets through", async () => {
  await using gateway = await start();
  const [alice, ridge] = [gateway.node("Alice"), gateway.node("Ridge")];
  await alice.asks('bbs post Boat | he calls it "the boat", "red"');
  expect(await ridge.asks("bbs read 1")).toEndWith('he calls it "the boat", "red"');
  await alice.asks('mail send Ridge bring "it" \u202eevil');
  expect(await ridge.asks("mail read")).toEndWith('bring "it"  evil');
  expect(await alice.asks(`mail send ${"x".repeat(190)}`)).toMatch(/^No single node is called/);
  expect(await alice.asks("stats")).toContain("Bulletins 1, letters 1, channels 0");
});
