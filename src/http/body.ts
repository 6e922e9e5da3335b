/** A response body as text, by the charset that its headers name, and as bytes. */
import type { HttpArgs } from "../sdk/boundary/wire.ts";
import type { Answer } from "./exchange.ts";

/** `bytes` is base64; null where nobody wants them. A charset that is not known is taken for UTF-8. */
export function bodyOf({ headers, body }: Answer, bytes: HttpArgs["bytes"]): { readonly text: string; readonly bytes: string | null } {
  const raw = typeof body === "string" ? Buffer.from(body) : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const text = typeof body === "string" ? body : decoderOf(headers["content-type"] ?? "").decode(raw);
  if (bytes === undefined) return { text, bytes: null };
  const isWanted = bytes === "always" || !Buffer.from(text).equals(raw);
  return { text, bytes: isWanted ? raw.toString("base64") : null };
}

function decoderOf(contentType: string): TextDecoder {
  const [, quoted, plain] = /;\s*charset\s*=\s*(?:"([^"]{1,40})"|([^\s;"]{1,40}))/i.exec(contentType.slice(0, 500)) ?? [];
  try {
    return new TextDecoder((quoted ?? plain ?? "utf-8").trim() as Bun.Encoding);
  } catch {
    return new TextDecoder(); // A name that nobody knows: most of the web is UTF-8.
  }
}
