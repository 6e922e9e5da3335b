/** One line for the service manager: how many plugins run, which links are up, what waits. */
export function describeNow(
  plugins: readonly { readonly state: string }[],
  links: readonly { readonly name: string; readonly state: string }[],
  waiting: number,
): string {
  const running = plugins.filter(({ state }) => state === "running").length;
  const lost = plugins.filter(({ state }) => state === "failed" || state === "backing_off").length;
  const parts = [
    `${running} plugins running${lost === 0 ? "" : `, ${lost} failed`}`,
    ...links.map(({ name, state }) => `link ${name} ${state}`),
    ...(waiting === 0 ? [] : [`${waiting} messages waiting`]),
  ];
  return parts.join("; ");
}
