import { PACKAGE } from "./corpus/package.ts";
import { family } from "./family.ts";

family("by a package", PACKAGE);
