/** A default of `300` asks for a number, not for 300. */
export type Widened<T> = T extends string ? string : T extends number ? number : T extends boolean ? boolean : T;
