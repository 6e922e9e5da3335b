import { FOLDER, TESTATOR } from "./corpus/folder.ts";
import { family } from "./family.ts";

family("by its folder", FOLDER, { others: { testator: TESTATOR } });
