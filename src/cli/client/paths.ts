/** The API path of a plugin; the name is encoded, so that no name can leave the path. */
export function pluginPath(name: string | undefined): string {
  return `/api/v1/plugins/${encodeURIComponent(name ?? "")}`;
}
