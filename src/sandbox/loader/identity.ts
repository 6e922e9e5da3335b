import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Names this loader: the bundler's version and the sources of this folder. Another loader may make another bundle of the same
 * files. As a macro it runs when the gateway is compiled, as the sources are not in the binary.
 */
export function loaderIdentity(): string {
  const hash = new Bun.CryptoHasher("sha256").update(Bun.version);
  for (const name of readdirSync(import.meta.dir).sort()) hash.update(`${name}\0${readFileSync(join(import.meta.dir, name), "utf8")}\0`);
  return hash.digest("hex");
}
