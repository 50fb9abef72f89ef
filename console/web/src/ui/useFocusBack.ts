import { useLayoutEffect } from "react";

/** The last thing on a page itself that opened a dialog. */
let onPage: HTMLElement | null = null;

/** What opened a dialog: the button that has focus, or that of the menu whose item has it. */
function opener(): HTMLElement | null {
  const from = document.activeElement;
  const menu = from?.closest("[role=menu]")?.getAttribute("aria-labelledby");
  const found = menu ? document.getElementById(menu) : from;
  // A button that is disabled while its act goes on has lost focus to the page as a whole.
  if (!(found instanceof HTMLElement) || found === document.body) return onPage;
  if (!found.closest("[role=dialog]")) onPage = found;
  return found;
}

/** Focus comes back to where a dialog was opened from, also when the dialog was mounted open, came
 *  out of a menu, or followed upon a dialog that is gone by then: of these Mantine's own return
 *  does not know. */
export function useFocusBack(opened: boolean): void {
  useLayoutEffect(() => {
    if (!opened) return;
    const from = opener();
    return () =>
      void setTimeout(() => (from?.isConnected ? from : onPage)?.focus({ preventScroll: true }));
  }, [opened]);
}
