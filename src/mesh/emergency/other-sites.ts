/** The other gateways of a region, as far as an emergency concerns them. */

/** One text of a person in need, as sites pass it on to each other. */
export interface SharedCall {
  /** The same at every site that hears the text. */
  readonly key: string;
  /** The key of the text that opened the case. */
  readonly caseKey: string;
  /** `!hex8`. */
  readonly sender: string;
  /** The word, in capitals. */
  readonly word: string;
  readonly isFollowUp: boolean;
  /** Who, where and what, without the mark of an alert. */
  readonly content: string;
  readonly correlationId: string;
}

export interface OtherSite {
  readonly id: string;
  readonly name: string;
}

export interface OtherSites {
  /** Keeps the call for every other site; those sites. Empty: this gateway is alone, or does not share calls for help. */
  share(call: SharedCall): readonly OtherSite[];
}

/** Who was reached at one site, so far. */
export interface SiteReach {
  readonly reached: readonly string[];
  /** Nothing more is to be expected. */
  readonly isSettled: boolean;
}
