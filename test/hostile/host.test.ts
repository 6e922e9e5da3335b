import { HOST } from "./corpus/host.ts";
import { family } from "./family.ts";
import { TAKEN_OVER, withTakenOverHosts } from "./takeover/world.ts";

family("from a host that was taken over", HOST, withTakenOverHosts(TAKEN_OVER));
