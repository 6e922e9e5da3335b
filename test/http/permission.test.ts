import { expect, test } from "bun:test";
import { systemClock, systemRandom } from "../../src/clock.ts";
import { Broker } from "../../src/permissions/broker.ts";
import type { Standing } from "../../src/permissions/decide.ts";
import { parseEntry } from "../../src/permissions/grammar/descriptor.ts";
import { type PermissionSet, permissionSet } from "../../src/permissions/grammar/sets.ts";
import { egress, errorOf, get, rawServer } from "./support.ts";

function granted(...entries: unknown[]): Standing {
  const set: PermissionSet = entries.flatMap((entry) => {
    const parsed = parseEntry(entry);
    const made = parsed.ok ? permissionSet([parsed.value]) : parsed;
    if (!made.ok) throw made.error;
    return made.value;
  });
  return { requested: set, granted: set, layers: [] };
}

test("a capabilitySet decides on each request, and its revocation stops the one under way", async () => {
  const server = await rawServer((socket, count) =>
    count === 1 ? socket.end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") : undefined,
  );
  const audited: string[] = [];
  const broker = new Broker({
    clock: systemClock,
    random: systemRandom,
    audit: { record: ({ scope, result }) => void audited.push(`${result} ${scope}`) },
    onForgery: () => {},
  });
  const capabilitySet = broker.open("weather", granted({ http_requests: { hosts: [`good.test:${server.port}`], private: true } }));
  const client = egress();
  const ask = (url: string) =>
    client.request(get(url), {
      plugin: "weather",
      allow: (each) => capabilitySet.check(capabilitySet.tokens.http_requests ?? null, each, "c1"),
      signal: capabilitySet.signal("http_requests"),
    });
  const url = `http://GOOD.test.:${server.port}/`;
  expect(await ask(url)).toMatchObject({ ok: true, body: "ok" });
  expect(errorOf(await ask("http://good.test/"))).toMatchObject({ code: "permission_denied" });
  expect(errorOf(await ask(`http://sub.good.test:${server.port}/`))?.message).toContain("manifest.yaml");
  const waiting = ask(url);
  while (server.connections() < 2) await Bun.sleep(1);
  capabilitySet.apply(granted());
  expect(errorOf(await waiting)?.code).toBe("cancelled");
  expect(errorOf(await ask(url))?.code).toBe("permission_denied");
  expect(audited.filter((line) => line.startsWith("allow"))).toHaveLength(4);
  capabilitySet.close();
  server.close();
});
