import { refuse } from "../route/problem.ts";
import { type ConsoleFiles, consoleFiles } from "./bundle/files.ts";

interface PageFile {
  readonly type: string;
  readonly of: keyof ConsoleFiles;
}

const FILES: Readonly<Record<string, PageFile>> = {
  "/": { type: "text/html; charset=utf-8", of: "html" },
  "/page/console.css": { type: "text/css; charset=utf-8", of: "style" },
  "/page/console.js": { type: "text/javascript; charset=utf-8", of: "script" },
};

/** The content security policy: no foreign sources, nothing inline, and no markup from text. Pictures come from one more host at most. */
function policy(tiles: string | null): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    `img-src 'self' data:${tiles === null ? "" : ` ${tiles}`}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join("; ");
}

interface Packed {
  readonly plain: string;
  readonly gzipped: Uint8Array<ArrayBuffer>;
  readonly tag: string;
}
const packed = new Map<keyof ConsoleFiles, Packed>();

/** Serves the console's files, which contain no data of the gateway; null for any other path. `tiles` is the origin of the map's tiles, if any. */
export async function pageResponse(request: Request, tiles: string | null = null): Promise<Response | null> {
  const { pathname } = new URL(request.url);
  const file = Object.hasOwn(FILES, pathname) ? FILES[pathname] : undefined;
  if (file === undefined) return null;
  if (request.method !== "GET")
    return refuse("method_not_allowed", "this method is not allowed for this path", undefined, { allow: "GET, HEAD" });
  const { plain, gzipped, tag } = packed.get(file.of) ?? pack(file.of, await consoleFiles());
  // The browser asks each time whether its copy is the present one: an upgrade is seen at the next load.
  const headers = {
    "content-type": file.type,
    "content-security-policy": policy(tiles),
    etag: tag,
    "cache-control": "no-cache",
    vary: "accept-encoding",
  };
  if (request.headers.get("if-none-match") === tag) return new Response(null, { status: 304, headers });
  if (!/\bgzip\b/.test(request.headers.get("accept-encoding") ?? "")) return new Response(plain, { headers });
  return new Response(gzipped, { headers: { ...headers, "content-encoding": "gzip" } });
}

function pack(of: keyof ConsoleFiles, files: ConsoleFiles): Packed {
  const made = { plain: files[of], gzipped: Bun.gzipSync(files[of]), tag: `"${Bun.hash(files[of]).toString(36)}"` };
  packed.set(of, made);
  return made;
}
