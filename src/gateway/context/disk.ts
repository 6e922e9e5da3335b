import { type DiskState, DiskWatch } from "../../storage/disk-watch.ts";
import type { GatewayContext } from "./context.ts";

const WORDS: Readonly<Record<DiskState, (folder: string, freeMb: number) => string>> = {
  ok: (folder) => `the disk of ${folder} can be written again`,
  low: (folder, freeMb) => `the disk of ${folder} is nearly full: ${freeMb} MB are free`,
  full: (folder) => `the disk is full: nothing can be stored in ${folder}; plugins go on, and it recovers by itself when there is room`,
  read_only: (folder) => `the disk is read-only: nothing can be stored in ${folder}; the file system may have found errors, see dmesg`,
  missing: (folder) =>
    `the data folder ${folder} was removed or replaced: what is stored now is lost with the next stop; put it back, or stop the gateway and restore a backup`,
  failing: (folder) => `the disk cannot be read or written: ${folder}; see dmesg, and its rights`,
};

/** Watches the data folder's disk and tells the operators. */
export function watchDisk({ clock, bus, log, life, config }: GatewayContext): DiskWatch {
  const folder = config().data_dir;
  let raised: string | null = null;
  const watch = new DiskWatch({
    folder,
    clock,
    onChange: (state, freeBytes) => {
      const message = WORDS[state](folder, Math.floor(freeBytes / 2 ** 20));
      if (state === "ok") log.logger.info(message);
      else log.logger[state === "low" ? "warn" : "error"](message);
      if (raised !== null) bus.emit("alert_cleared", { code: raised });
      raised = state === "ok" ? null : `disk_${state}`;
      if (raised !== null) bus.emit("alert", { code: raised, message });
    },
  });
  life.add("disk watch", () => watch.stop());
  return watch;
}
