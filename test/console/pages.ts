/** What the tests of the console do to a page. */
import type { Browser } from "./browser.ts";

export interface Page {
  text(selector: string): Promise<unknown>;
  click(selector: string): Promise<unknown>;
  /** Waits until one of the elements shows these words. */
  shows(selector: string, words: string): Promise<void>;
  write(selector: string, value: string): Promise<unknown>;
  /** Goes to a view by its address. */
  go(address: string): Promise<unknown>;
  count(selector: string): Promise<number>;
}

export function pageOf(browser: Browser): Page {
  const quoted = JSON.stringify;
  return {
    text: (selector) => browser.evaluate(`document.querySelector(${quoted(selector)})?.innerText`),
    click: async (selector) => {
      await browser.until(`document.querySelector(${quoted(selector)}) !== null`);
      return browser.evaluate(`document.querySelector(${quoted(selector)}).click()`);
    },
    shows: (selector, words) =>
      browser.until(
        `[...document.querySelectorAll(${quoted(selector)})].some((each) => (each.innerText ?? each.textContent).includes(${quoted(words)}))`,
      ),
    write: (selector, value) =>
      browser.evaluate(`{ const field = document.querySelector(${quoted(selector)}); field.value = ${quoted(value)};
        field.dispatchEvent(new Event("input", { bubbles: true })); }`),
    go: (address) => browser.evaluate(`location.hash = ${quoted(`#/${address}`)}`),
    count: async (selector) => Number(await browser.evaluate(`document.querySelectorAll(${quoted(selector)}).length`)),
  };
}
