import { FOLDER } from "./corpus/folder.ts";
import { family } from "./family.ts";

family("by its folder", FOLDER);
