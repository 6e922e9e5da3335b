/** For the compiled binary alone: the program's own plugins are put in here when that is made. See IS_COMPILED. */
import { embeddedPlugins } from "../../../plugins/embedded.ts" with { type: "macro" };

export const BUNDLED = embeddedPlugins("plugins");
export const EXAMPLES = embeddedPlugins("examples");
