/** For the compiled binary alone: the template is put in here when that is made. See IS_COMPILED. */
import { embeddedTemplate } from "../../templates/embedded.ts" with { type: "macro" };

export const TEMPLATE = embeddedTemplate("plugin_template");
