/** Prints the walls as `doctor` finds them. */
import { systemClock } from "../../../src/clock.ts";
import { silentLogger } from "../../../src/log/logger.ts";
import { probeWalls } from "../../../src/sandbox/process.ts";

const walls = await probeWalls({ log: silentLogger, clock: systemClock });
console.log(JSON.stringify(walls));
