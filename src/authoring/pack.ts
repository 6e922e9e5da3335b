/** From a plugin's folder to a package, and the proof that the package holds all of it. */
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fail, ok, type Result } from "../errors.ts";
import { installedPath, place } from "../packages/installed.ts";
import { collect } from "../packages/pack.ts";
import { type Collected, PACKAGE_ENDING, writePackage } from "../packages/package.ts";
import type { SigningKey } from "../packages/trust/signature.ts";
import { commandCompiler } from "../sandbox/loader/compiler.ts";

export interface Packed {
  readonly contents: Collected;
  readonly bytes: Uint8Array;
  /** `name-version.zgp` */
  readonly file: string;
}

/** Packs a folder. The package is bundled once more from itself: what it lacks shows here and not at the operator's. Signed with `key`. */
export async function packFolder(folder: string, key: SigningKey | null = null): Promise<Result<Packed>> {
  const compiler = commandCompiler();
  const temporary = mkdtempSync(join(realpathSync(tmpdir()), "zephyrgate-pack-"));
  try {
    const collected = await collect(folder, compiler);
    if (!collected.ok) return collected;
    const { manifest, files, code } = collected.value;
    const placed = place(temporary, manifest.name, files);
    if (!placed.ok) return placed;
    const again = await compiler.load(installedPath(temporary, manifest.name), manifest.main);
    if (!again.ok || again.value.hash !== code) {
      const [issue] = again.ok ? [] : again.error;
      return fail(
        "load_failed",
        `the package would not load elsewhere${issue === undefined ? "" : `: ${issue.field ?? issue.file} ${issue.message}`}`,
        {
          where: folder,
          hint: "install its packages as plain folders: bun install --linker hoisted",
        },
      );
    }
    const bytes = await writePackage(collected.value, key);
    return bytes.ok
      ? ok({ contents: collected.value, bytes: bytes.value, file: `${manifest.name}-${manifest.version}${PACKAGE_ENDING}` })
      : bytes;
  } finally {
    await compiler.stop();
    rmSync(temporary, { recursive: true, force: true });
  }
}
