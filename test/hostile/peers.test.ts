import { LISTENER, PEERS } from "./corpus/peers.ts";
import { family } from "./family.ts";

family("against other plugins", PEERS, { others: { listener: LISTENER } });
