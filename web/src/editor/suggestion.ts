// What may stand at the cursor, in grey: Tab takes it, Esc drops it, whoever types along keeps what is left of it.
import { type Extension, Prec, StateEffect, StateField, type Transaction } from "@codemirror/state";
import { Decoration, EditorView, keymap, ViewPlugin, type ViewUpdate, WidgetType } from "@codemirror/view";

const SETTLE_MS = 400;
const BEFORE = 6_000; // characters of the file that are looked at, before the cursor …
const AFTER = 2_000; // … and after it
const TAKEN = "input.complete.suggestion";

export interface AtCursor {
  readonly before: string;
  readonly after: string;
}

/** What may stand there; "" for nothing. Aborted when somebody types on. */
export type Suggest = (at: AtCursor, signal: AbortSignal) => Promise<string>;

interface Suggestion {
  readonly at: number;
  readonly text: string;
}

const offer = StateEffect.define<Suggestion | null>();

const offered = StateField.define<Suggestion | null>({
  create: () => null,
  update(now, transaction) {
    for (const effect of transaction.effects) if (effect.is(offer)) return effect.value;
    return now !== null && (transaction.docChanged || transaction.selection) ? restOf(now, transaction) : now;
  },
  provide: (field) =>
    EditorView.decorations.from(field, (now) =>
      now === null ? Decoration.none : Decoration.set([Decoration.widget({ widget: new Ghost(now.text), side: 1 }).range(now.at)]),
    ),
});

/** What is left of a suggestion when somebody types its first letters. */
function restOf({ at, text }: Suggestion, { changes, newDoc, newSelection }: Transaction): Suggestion | null {
  const to = changes.mapPos(at, 1);
  const typed = newDoc.sliceString(at, to);
  const isTyped = changes.length + typed.length === newDoc.length && newSelection.main.head === to;
  return isTyped && typed.length < text.length && text.startsWith(typed) ? { at: to, text: text.slice(typed.length) } : null;
}

class Ghost extends WidgetType {
  private readonly text: string;
  constructor(text: string) {
    super();
    this.text = text;
  }
  override eq(other: Ghost): boolean {
    return other.text === this.text;
  }
  override toDOM(): HTMLElement {
    const shown = document.createElement("span");
    shown.className = "cm-suggestion";
    shown.textContent = this.text;
    return shown;
  }
}

function take(view: EditorView): boolean {
  const now = view.state.field(offered);
  if (now === null) return false;
  const { at, text } = now;
  view.dispatch({
    changes: { from: at, insert: text },
    selection: { anchor: at + text.length },
    effects: offer.of(null),
    userEvent: TAKEN,
    scrollIntoView: true,
  });
  return true;
}

function drop(view: EditorView): boolean {
  if (view.state.field(offered) === null) return false;
  view.dispatch({ effects: offer.of(null) });
  return true;
}

export function suggestions(suggest: Suggest): Extension {
  class Asking {
    private timer: ReturnType<typeof setTimeout> | undefined;
    private left = new AbortController();

    update({ view, state, docChanged, selectionSet, transactions }: ViewUpdate): void {
      if (!docChanged && !selectionSet) return;
      this.destroy();
      const isTyped = transactions.some((each) => each.isUserEvent("input") && !each.isUserEvent(TAKEN));
      if (isTyped && state.field(offered) === null) this.timer = setTimeout(() => void this.ask(view), SETTLE_MS);
    }

    async ask(view: EditorView): Promise<void> {
      const { state } = view;
      const { head, empty } = state.selection.main;
      if (!empty || state.selection.ranges.length > 1) return;
      const { signal } = (this.left = new AbortController());
      const at = { before: state.sliceDoc(Math.max(0, head - BEFORE), head), after: state.sliceDoc(head, head + AFTER) };
      const text = await suggest(at, signal).catch(() => ""); // whoever types is not told of it
      if (!signal.aborted && text !== "") view.dispatch({ effects: offer.of({ at: head, text }) });
    }

    destroy(): void {
      clearTimeout(this.timer);
      this.left.abort();
    }
  }
  const keys = keymap.of([
    { key: "Tab", run: take },
    { key: "Escape", run: drop },
  ]);
  return [offered, ViewPlugin.fromClass(Asking), Prec.highest(keys)];
}
