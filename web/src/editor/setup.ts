// What every editor of the page has: keys, colours by tokens, the nonce under which its styles are let in.
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { bracketMatching, foldGutter, foldKeymap, HighlightStyle, indentOnInput, syntaxHighlighting } from "@codemirror/language";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { EditorState, type Extension } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";

const theme = EditorView.theme({
  "&": { height: "100%", color: "var(--text)", backgroundColor: "var(--bg)", font: "var(--mono)" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { font: "var(--mono)" },
  ".cm-content": { caretColor: "var(--text)", padding: "8px 0" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  ".cm-gutters": { backgroundColor: "var(--bg)", color: "var(--muted)", border: "0" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "color-mix(in srgb, var(--hover) 55%, transparent)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "var(--chosen)" },
  ".cm-selectionMatch": { backgroundColor: "color-mix(in srgb, var(--chosen) 70%, transparent)" },
  ".cm-panels": { backgroundColor: "var(--panel)", color: "var(--text)", borderColor: "var(--line)" },
  ".cm-textfield": { backgroundColor: "var(--bg)", border: "1px solid var(--line-strong)", borderRadius: "4px" },
  ".cm-button": { backgroundImage: "none", backgroundColor: "var(--raised)", border: "1px solid var(--line-strong)", borderRadius: "4px" },
  ".cm-panels-bottom": { borderTop: "1px solid var(--line)" },
  ".cm-tooltip": { backgroundColor: "var(--raised)", color: "var(--text)", border: "1px solid var(--line-strong)", borderRadius: "6px" },
  ".cm-tooltip.cm-tooltip-hover": { maxWidth: "min(560px, 90vw)", maxHeight: "320px", overflow: "auto", boxShadow: "var(--shadow)" },
  ".cm-tooltip-section:not(:first-child)": { borderTop: "1px solid var(--line)" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { font: "var(--mono)", maxWidth: "min(480px, 90vw)" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: "0 8px", lineHeight: "24px" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]": { background: "var(--chosen)", color: "var(--text)" },
  ".cm-completionDetail": { color: "var(--muted)", fontStyle: "normal" },
  ".cm-completionInfo": { padding: "4px 8px", maxWidth: "360px" },
  ".cm-lsp-documentation": { padding: "4px 8px", font: "var(--font)" },
  ".cm-lsp-documentation :is(pre, code)": { font: "var(--mono)", whiteSpace: "pre-wrap", overflowWrap: "anywhere" },
  ".cm-lsp-documentation a": { color: "var(--accent-text)" },
  ".cm-diagnostic": { padding: "4px 8px", font: "var(--font)", borderLeft: "3px solid var(--muted)", whiteSpace: "pre-wrap" },
  ".cm-diagnostic-error": { borderLeftColor: "var(--bad)" },
  ".cm-diagnostic-warning": { borderLeftColor: "var(--warn)" },
  ".cm-lintRange": { backgroundImage: "none !important", textDecoration: "underline wavy var(--muted)", textDecorationSkipInk: "none" },
  ".cm-lintRange-error": { textDecorationColor: "var(--bad)" },
  ".cm-lintRange-warning": { textDecorationColor: "var(--warn)" },
  ".cm-lintPoint-error:after": { borderBottomColor: "var(--bad)" },
  ".cm-lintPoint-warning:after": { borderBottomColor: "var(--warn)" },
  ".cm-lintRange-active": { backgroundColor: "var(--bad-bg)" },
  ".cm-gutter-lint": { width: "16px" },
  ".cm-gutter-lint .cm-gutterElement": { padding: "0" },
  ".cm-lint-marker": { width: "16px", height: "20px", content: "normal !important", textAlign: "center", color: "var(--muted)" },
  ".cm-lint-marker::before": { content: '"i"' },
  ".cm-lint-marker-error": { color: "var(--bad)" },
  ".cm-lint-marker-error::before": { content: '"✕"' },
  ".cm-lint-marker-warning": { color: "var(--warn)" },
  ".cm-lint-marker-warning::before": { content: '"▲"' },
  ".cm-panel.cm-panel-lint ul": { maxHeight: "160px" },
  ".cm-panel.cm-panel-lint ul [aria-selected], .cm-panel.cm-panel-lint ul:focus [aria-selected]": {
    background: "var(--chosen)",
    color: "var(--text)",
  },
  ".cm-panel.cm-panel-lint [name=close]": { top: "0", right: "4px", fontSize: "16px", lineHeight: "28px", color: "var(--muted)" },
  ".cm-suggestion": { color: "var(--muted)", fontStyle: "italic", whiteSpace: "pre-wrap" },
  ".cm-changedLine": { backgroundColor: "var(--added) !important" },
  ".cm-deletedChunk .cm-chunkButtons button": {
    margin: "0 4px 0 0",
    padding: "0 8px",
    border: "1px solid var(--line-strong)",
    borderRadius: "4px",
    background: "var(--raised)",
    color: "var(--ok)",
    font: "var(--font)",
  },
  ".cm-deletedChunk .cm-chunkButtons button[name=reject]": { background: "var(--raised)", color: "var(--bad)" },
  ".cm-deletedChunk": { backgroundColor: "var(--removed) !important" },
});

const colours = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword, tags.modifier], color: "var(--code-keyword)" },
  { tag: [tags.string, tags.special(tags.string), tags.regexp], color: "var(--code-string)" },
  { tag: [tags.number, tags.bool, tags.null, tags.atom], color: "var(--code-number)" },
  { tag: [tags.comment, tags.quote], color: "var(--muted)", fontStyle: "italic" },
  { tag: [tags.typeName, tags.className, tags.namespace, tags.tagName], color: "var(--code-type)" },
  { tag: [tags.function(tags.variableName), tags.function(tags.propertyName)], color: "var(--accent-text)" },
  { tag: [tags.propertyName, tags.attributeName], color: "var(--code-name)" },
  { tag: tags.heading, fontWeight: "bold" },
  { tag: [tags.link, tags.url], color: "var(--accent-text)" },
]);

function nonce(): Extension {
  const given = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce;
  return given === undefined || given === "" ? [] : EditorView.cspNonce.of(given);
}

export function setup(): Extension {
  return [
    nonce(),
    theme,
    EditorView.contentAttributes.of({ tabindex: "0" }),
    syntaxHighlighting(colours),
    lineNumbers(),
    foldGutter(),
    history(),
    drawSelection(),
    indentOnInput(),
    bracketMatching(),
    highlightActiveLine(),
    highlightActiveLineGutter(),
    highlightSelectionMatches(),
    EditorState.allowMultipleSelections.of(true),
    keymap.of([...defaultKeymap, ...historyKeymap, ...searchKeymap, ...foldKeymap, indentWithTab]),
  ];
}
