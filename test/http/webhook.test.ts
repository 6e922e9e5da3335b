import { expect, test } from "bun:test";
import { type Post, Webhook } from "../../src/http/webhook.ts";
import { createLog } from "../../src/log/log.ts";
import { FakeClock } from "../fake-clock.ts";

const SECRET = "https://hooks.example/T000/s3cr3t";

function hook(post: Post, url: string | null = SECRET) {
  const clock = new FakeClock();
  const log = createLog({ level: "debug", format: "text", file: null, max_mb: 1, keep: 1, levels: {} }, { clock, console: null });
  const trouble: boolean[] = [];
  const webhook = new Webhook({ clock, log: log.logger, url: () => url, post, onTrouble: (failing) => void trouble.push(failing) });
  const lines = () => log.book.tail({}, 1000).map((line) => `${line.message} ${JSON.stringify(line.context)}`);
  return { clock, webhook, trouble, lines };
}

test("posts in order, again with growing pauses after a passing failure, and tells of trouble once each way", async () => {
  const seen: string[] = [];
  let answer = 503;
  const { clock, webhook, trouble, lines } = hook(async (url, body) => {
    seen.push(`${url} ${body}`);
    return answer;
  });
  webhook.send({ n: 1 });
  webhook.send({ n: 2 });
  await clock.advance(5_000 + 10_000 + 20_000);
  expect(seen).toEqual(Array.from({ length: 4 }, () => `${SECRET} {"n":1}`));
  expect(trouble).toEqual([true]);
  answer = 204;
  await clock.advance(40_000);
  expect(seen.slice(4)).toEqual([`${SECRET} {"n":1}`, `${SECRET} {"n":2}`]);
  expect(trouble).toEqual([true, false]);
  expect(webhook.counts).toEqual({ sent: 2, failed: 4, dropped: 0 });
  // The address may hold a secret.
  expect(lines().join("\n")).not.toContain("s3cr3t");
  await webhook.stop();
  expect(clock.pending).toBe(0);
});

test("what is refused is not sent again, and holds up nothing", async () => {
  const seen: string[] = [];
  const answers = [302, 404, 200];
  const { clock, webhook, trouble, lines } = hook(async (_, body) => {
    seen.push(body);
    return answers.shift() ?? 200;
  });
  for (const n of [1, 2, 3]) webhook.send(n);
  await clock.advance(0);
  expect(seen).toEqual(["1", "2", "3"]);
  expect([webhook.counts, trouble]).toEqual([{ sent: 1, failed: 2, dropped: 0 }, [true, false]]);
  expect(lines()[0]).toContain("it redirects (status 302): write the final address");
});

test("one that never answers is given up after ten seconds; the queue is bounded; after a day it is no news", async () => {
  let begun = 0;
  const { clock, webhook, lines } = hook((_, __, signal) => {
    begun += 1;
    return new Promise((_, reject) => signal.addEventListener("abort", () => reject(new DOMException(SECRET)), { once: true }));
  });
  for (let n = 0; n < 150; n++) webhook.send(n);
  expect([begun, webhook.waiting, webhook.counts.dropped]).toEqual([1, 100, 50]);
  await clock.advance(10_000);
  expect(lines().some((line) => line.includes("no answer in 10 s"))).toBe(true);
  await clock.advance(25 * 3_600_000);
  expect([webhook.waiting, webhook.counts.dropped]).toEqual([0, 150]);
  expect(lines().join("\n")).not.toContain("s3cr3t");
  webhook.send("last");
  const stopped = webhook.stop();
  await clock.advance(0);
  await stopped;
  expect(clock.pending).toBe(0);
});

test("without an address nothing is kept; the real post follows no redirect and lets no value name another host", async () => {
  const none = hook(async () => 200, null);
  none.webhook.send(1);
  expect(none.webhook.waiting).toBe(0);
  const requests: { url: string; body: string; type: string | null }[] = [];
  let elsewhere = 0;
  const other = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response(String(++elsewhere)) });
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      requests.push({ url: new URL(request.url).pathname, body: await request.text(), type: request.headers.get("content-type") });
      return requests.length === 1 ? Response.redirect(`http://127.0.0.1:${other.port}/metadata`, 307) : new Response("x".repeat(1e6));
    },
  });
  try {
    const { promise, resolve } = Promise.withResolvers<void>();
    const clock = new FakeClock();
    const log = createLog({ level: "debug", format: "text", file: null, max_mb: 1, keep: 1, levels: {} }, { clock, console: null });
    const webhook = new Webhook({
      clock,
      log: log.logger,
      url: () => `http://127.0.0.1:${server.port}/hook`,
      onTrouble: (failing) => (failing ? undefined : resolve()),
    });
    const evil = `http://127.0.0.1:${other.port}/\r\nHost: evil\r\n\r\n{{url}}\u0000`;
    webhook.send({ message: evil, url: evil });
    webhook.send({ message: "second" });
    await promise;
    expect(requests.map(({ url, type }) => `${url} ${type}`)).toEqual(["/hook application/json", "/hook application/json"]);
    expect(JSON.parse(requests[0]?.body ?? "")).toEqual({ message: evil, url: evil });
    expect(elsewhere).toBe(0);
    await webhook.stop();
  } finally {
    await server.stop(true);
    await other.stop(true);
  }
});
