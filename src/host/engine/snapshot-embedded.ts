/** For the compiled binary alone: the snapshot is put in here when that is made. See IS_COMPILED. */
import { snapshotImage } from "./snapshot-image.ts" with { type: "macro" };

export const SNAPSHOT_IMAGE: string = await snapshotImage();
