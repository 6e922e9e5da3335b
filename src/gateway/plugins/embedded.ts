/** Only for the compiled binary: the build puts the bundled plugins in here. See IS_COMPILED. */
import { embeddedPlugins } from "../../../plugins/embedded.ts" with { type: "macro" };
import { loaderIdentity } from "../../sandbox/loader/identity.ts" with { type: "macro" };

export const BUNDLED = embeddedPlugins("plugins");
export const EXAMPLES = embeddedPlugins("examples");
export const LOADER = loaderIdentity();
