import { REALM } from "./corpus/realm.ts";
import { family } from "./family.ts";

family("out of the realm", REALM);
