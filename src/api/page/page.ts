import { refuse } from "../route/problem.ts";
import app from "./client/app.js" with { type: "text" };
import dom from "./client/dom.js" with { type: "text" };
import html from "./client/index.html" with { type: "text" };
import messages from "./client/messages.js" with { type: "text" };
import plugins from "./client/plugins.js" with { type: "text" };
import style from "./client/style.css" with { type: "text" };

const SCRIPT = "text/javascript; charset=utf-8";
const FILES: Readonly<Record<string, { readonly type: string; readonly text: string }>> = {
  "/": { type: "text/html; charset=utf-8", text: html },
  "/page/style.css": { type: "text/css; charset=utf-8", text: style },
  "/page/app.js": { type: SCRIPT, text: app },
  "/page/dom.js": { type: SCRIPT, text: dom },
  "/page/messages.js": { type: SCRIPT, text: messages },
  "/page/plugins.js": { type: SCRIPT, text: plugins },
};

/** The content security policy: no foreign sources, nothing inline, and no markup from text. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join("; ");

/** Serves the status page's files, which contain no data of the gateway; null for any other path. */
export function pageResponse(request: Request): Response | null {
  const { pathname } = new URL(request.url);
  const file = Object.hasOwn(FILES, pathname) ? FILES[pathname] : undefined;
  if (file === undefined) return null;
  if (request.method !== "GET")
    return refuse("method_not_allowed", "this method is not allowed for this path", undefined, { allow: "GET, HEAD" });
  return new Response(file.text, { headers: { "content-type": file.type, "content-security-policy": POLICY } });
}
