// A text in an editor. What comes from outside is put in as the smallest change, so that cursor and scroll stay.
import { Annotation, Compartment, EditorState, type Extension, Prec } from "@codemirror/state";
import { EditorView, keymap } from "@codemirror/view";
import { useEffect, useRef } from "react";
import styles from "./editor.module.css";
import { smallestChange } from "./changes.ts";
import { languageOf } from "./languages.ts";
import { setup } from "./setup.ts";

const fromOutside = Annotation.define<true>();

interface EditorProps {
  path: string;
  text: string;
  place?: { line: number } | undefined; // to be shown, from 1; a new object shows it again
  extra: Extension; // may come and go while the text stands there
  onChange: (text: string) => void;
  onSave: () => void;
  onRewrite: (selected: { from: number; text: string }) => void;
}

export default function Editor({ path, text, place, extra, onChange, onSave, onRewrite }: EditorProps) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);
  const extras = useRef(new Compartment());
  const calls = useRef({ onChange, onSave, onRewrite });
  calls.current = { onChange, onSave, onRewrite };
  useEffect(() => {
    if (host.current === null) return;
    const language = new Compartment();
    const made = new EditorView({
      parent: host.current,
      state: EditorState.create({
        doc: text,
        extensions: [
          setup(),
          language.of([]),
          extras.current.of([]),
          EditorView.contentAttributes.of({ "aria-label": path }),
          keymap.of([{ key: "Mod-s", preventDefault: true, run: () => (calls.current.onSave(), true) }]),
          Prec.high(keymap.of([{ key: "Mod-i", preventDefault: true, run: (made) => (calls.current.onRewrite(selectedIn(made)), true) }])),
          EditorView.updateListener.of((update) => {
            const isOurs = update.transactions.some((transaction) => transaction.annotation(fromOutside));
            if (update.docChanged && !isOurs) calls.current.onChange(update.state.doc.toString());
          }),
        ],
      }),
    });
    view.current = made;
    void languageOf(path).then((extension) => made.dispatch({ effects: language.reconfigure(extension) }));
    return () => made.destroy();
    // The text of later on is put in below; another path is another editor.
  }, [path]);
  useEffect(() => {
    const change = smallestChange(view.current?.state.doc.toString() ?? text, text);
    if (change !== null) view.current?.dispatch({ changes: change, annotations: fromOutside.of(true) });
  }, [text]);
  useEffect(() => view.current?.dispatch({ effects: extras.current.reconfigure(extra) }), [path, extra]);
  useEffect(() => {
    const shown = view.current;
    if (shown === null || place === undefined) return;
    const at = shown.state.doc.line(Math.min(Math.max(place.line, 1), shown.state.doc.lines)).from;
    shown.dispatch({ selection: { anchor: at }, effects: EditorView.scrollIntoView(at, { y: "center" }) });
    shown.focus();
  }, [place]);
  return <div ref={host} className={styles.editor} />;
}

/** What is selected, else the line of the cursor. */
function selectedIn({ state }: EditorView): { from: number; text: string } {
  const { from, to, empty } = state.selection.main;
  const line = state.doc.lineAt(from);
  return empty ? { from: line.from, text: line.text } : { from, text: state.sliceDoc(from, to) };
}
