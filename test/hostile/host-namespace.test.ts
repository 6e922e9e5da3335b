import { fileURLToPath } from "node:url";
import { HAS_NAMESPACES } from "../host/jail/builders.ts";
import { HOST } from "./corpus/host.ts";
import { family } from "./family.ts";
import { TAKEN_OVER, withTakenOverHosts } from "./takeover/world.ts";

const hide = fileURLToPath(new URL("../host/jail/hide.ts", import.meta.url));

/** As on Raspberry Pi OS, whose kernel has no Landlock: a mount namespace makes the wall "files". */
if (HAS_NAMESPACES)
  family(
    "from a host that was taken over, on a kernel without Landlock",
    HOST,
    withTakenOverHosts([process.execPath, hide, "landlock", ...TAKEN_OVER]),
  );
