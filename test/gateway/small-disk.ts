import { closeSync, mkdirSync, openSync, rmSync, statfsSync, writeSync } from "node:fs";
import { join } from "node:path";

/** A file system of its own for a data folder, so that a test can fill it, or make it read-only. */
export class SmallDisk {
  readonly #filling: string;

  private constructor(readonly path: string) {
    this.#filling = join(path, "filling");
  }

  /** Null where this user may not mount: the test is skipped. */
  static mount(path: string, megabytes: number): SmallDisk | null {
    mkdirSync(path, { recursive: true });
    const mounted = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", `size=${megabytes}m,mode=0700`, "tmpfs", path]);
    return mounted.exitCode === 0 ? new SmallDisk(path) : null;
  }

  static readonly available = (() => {
    const path = join(process.env.TMPDIR ?? "/tmp", `zg-mount-${process.pid}`);
    const disk = SmallDisk.mount(path, 1);
    disk?.unmount();
    rmSync(path, { recursive: true, force: true });
    if (disk === null) console.warn("skipped: tests that mount a small disk need the right to mount");
    return disk !== null;
  })();

  /** Fills it to the last byte. */
  fill(): void {
    const file = openSync(this.#filling, "a");
    for (let size = 1 << 20; size >= 1; ) {
      try {
        writeSync(file, new Uint8Array(size));
      } catch {
        size = Math.floor(size / 2);
      }
    }
    closeSync(file);
  }

  free(): void {
    rmSync(this.#filling);
  }

  get freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.path);
    return bavail * bsize;
  }

  /** Whoever opens a file from now on finds the disk read-only; what is open stays so, as the kernel has it. */
  makeReadOnly(): void {
    for (const words of [
      ["--bind", this.path, this.path],
      ["-o", "remount,bind,ro", this.path],
    ])
      if (Bun.spawnSync(["mount", ...words]).exitCode !== 0) throw new TypeError(`cannot mount ${words.join(" ")}`);
  }

  makeWritable(): void {
    Bun.spawnSync(["umount", this.path]);
  }

  unmount(): void {
    while (Bun.spawnSync(["umount", "-l", this.path]).exitCode === 0);
  }
}
