/** Run by outbox-kill.test.ts: queues and sends without end over a radio that is a file, until it is killed. */
import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { systemClock, systemRandom } from "../../src/clock.ts";
import { silentLogger } from "../../src/log/logger.ts";
import { Outbox } from "../../src/mesh/outbox/outbox.ts";
import { OUTBOX_SCHEMA } from "../../src/mesh/outbox/storage/store.ts";
import { openCoreDatabase } from "../../src/storage/core-open.ts";
import { FakeRadio, SETTINGS, text } from "./outbox-support.ts";

const [, , folder = "", run = "", mode = ""] = process.argv;
const opened = openCoreDatabase(join(folder, "gateway.db"), [OUTBOX_SCHEMA], { clock: systemClock, log: silentLogger });
if (!opened.ok) throw opened.error;
const air = openSync(join(folder, "air"), "a");
const accepted = openSync(join(folder, "accepted"), "a");

const radio = new FakeRadio(systemClock);
radio.write = (out) => {
  writeSync(air, `${JSON.stringify([out.packetId, out.text])}\n`);
  setTimeout(() => radio.queue(out.packetId, 0), 2);
  return { ok: true, value: null };
};
const outbox = new Outbox({
  database: opened.value,
  clock: systemClock,
  random: systemRandom,
  log: silentLogger,
  config: { ...SETTINGS, text_spacing_s: 0.004, airtime: { ...SETTINGS.airtime, plugin_share: 1 } },
  radios: () => [radio],
  routes: () => [[{ link: radio.name, index: 0 }]],
  onStatus: () => {},
});
outbox.start();
console.log("ready");

if (mode === "drain") {
  while (outbox.stats().queued > 0) await Bun.sleep(10);
  await outbox.stop();
  opened.value.close();
  for (const file of [air, accepted]) closeSync(file);
} else {
  for (let i = 0; ; i++) {
    const content = `run ${run} text ${i} ${"x".repeat(i % 7 === 0 ? 300 : 10)}`;
    const queued = outbox.enqueue(text({ text: content, priority: i % 11 === 0 ? "emergency" : "normal" }));
    if (queued.ok) void queued.value.stored.then((stored) => stored.ok && writeSync(accepted, `${content}\n`));
    await Bun.sleep(3);
  }
}
