const MAX_DICE = 10;

/** `2d6`: the dice and their sum; null when that is no way to roll. */
export function roll(dice: string): string | null {
  const [, count = "1", sides = ""] = /^(\d{1,2})?d(\d{1,3})$/i.exec(dice) ?? [];
  const [many, high] = [Number(count), Number(sides)];
  if (many < 1 || many > MAX_DICE || high < 2) return null;
  const rolled = Array.from({ length: many }, () => 1 + Math.floor(Math.random() * high));
  const sum = rolled.reduce((total, each) => total + each, 0);
  return many === 1 ? `${sum}` : `${rolled.join(" + ")} = ${sum}`;
}
