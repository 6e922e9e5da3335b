import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { checkBrokers } from "../../src/cli/doctor/brokers.ts";
import { loadConfig } from "../../src/config/load.ts";
import { freePort, tempDir } from "../gateway/harness.ts";
import { HAS_MOSQUITTO, Mosquitto } from "../mesh/mqtt/mosquitto.ts";

test.skipIf(!HAS_MOSQUITTO)("doctor tries each broker once while no gateway runs, and names what to correct", async () => {
  const broker = await Mosquitto.start();
  const folder = tempDir();
  const gone = `mqtt://127.0.0.1:${freePort()}`;
  const file = join(folder, "config.yaml");
  writeFileSync(
    file,
    `mesh:
  interfaces:
    - { name: cloud, type: mqtt, url: "${broker.url}", node: "!0a0b0c0d", channels: [{ name: LongFast }] }
    - { name: base, type: simulated, mqtt_proxy: { url: "${gone}" } }
publish: { url: "${broker.url}", password_file: nowhere }
region: { url: "${broker.url}", name: valley, site: north }
`,
  );
  const loaded = loadConfig({ flags: { config: file }, env: {}, cwd: folder, home: folder });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.error));
  const { config } = loaded.value;
  expect(await checkBrokers(config, { state: "absent" })).toEqual([
    { grade: "ok", what: "broker of cloud", found: `${broker.url} takes this user` },
    {
      grade: "warn",
      what: "broker of radio base",
      found: `${gone}: nothing listens at this address`,
      fix: "check host and port, and that the broker runs",
    },
    {
      grade: "warn",
      what: "broker of publish",
      found: expect.stringContaining("nowhere cannot be read (ENOENT)"),
      fix: expect.any(String),
    },
    { grade: "ok", what: "broker of the region", found: `${broker.url} takes this user` },
  ]);
  expect(await checkBrokers(config, { state: "silent", finding: { grade: "warn", what: "gateway", found: "silent" } })).toEqual([]);
  await broker.close();
});
