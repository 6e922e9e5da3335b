/** The status page; null for any other path. */
export function pageResponse(_request: Request): Response | null {
  return null;
}
