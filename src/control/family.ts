export type Labels = Readonly<Record<string, string>>;

/** One metric with all its labels, as Prometheus has it. */
export interface Family {
  readonly name: string;
  readonly type: "gauge" | "counter";
  readonly help: string;
  readonly samples: readonly { readonly labels: Labels; readonly value: number }[];
}

export const one = (name: string, type: Family["type"], help: string, value: number): Family => ({
  name,
  type,
  help,
  samples: [{ labels: {}, value }],
});

/** A family with one label. */
export function byLabel({ name, type, help }: Omit<Family, "samples">, label: string, counts: Iterable<readonly [string, number]>): Family {
  return { name, type, help, samples: [...counts].map(([key, value]) => ({ labels: { [label]: key }, value })) };
}
