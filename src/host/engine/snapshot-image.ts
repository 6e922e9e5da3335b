/**
 * The snapshot of the engine with the sdk in it. As a macro it runs when this program is compiled, so that the binary carries
 * the memory (see snapshot-embedded.ts) and a plugin host need not evaluate the sdk.
 */
import { sdkSource } from "./sdk-source.ts";
import { Snapshot } from "./snapshot.ts";

/** A {@link SnapshotImage} as JSON. */
export async function snapshotImage(): Promise<string> {
  const snapshot = await Snapshot.take(sdkSource());
  return JSON.stringify(await snapshot.image());
}
