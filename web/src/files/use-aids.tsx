// What helps while somebody edits a file: its language server, a model's suggestions and rewriting, uses of a name and renaming.
import type { Extension } from "@codemirror/state";
import { lazy, type ReactNode, use, useMemo, useState } from "react";
import type { Id } from "../../../convex/_generated/dataModel.d.ts";
import { replaced } from "../editor/changes.ts";
import type { Rename, Use } from "../editor/symbols.ts";
import { PlacesContext } from "../prose/prose.tsx";
import { Button, IconButton } from "../ui/button.tsx";
import { useNotices } from "../ui/notices.tsx";
import { useLanguageServer } from "./use-language-server.ts";
import { useSuggestions } from "./use-suggestions.ts";

const RewriteDialog = lazy(() => import("./rewrite-dialog.tsx"));
const RenameDialog = lazy(() => import("./rename-dialog.tsx"));
const UsesDialog = lazy(() => import("./uses-dialog.tsx"));

type Selected = { from: number; text: string };
type Asked =
  | { what: "rewrite"; selected: Selected }
  | { what: "uses"; name: string; uses: readonly Use[] }
  | { what: "rename"; name: string; rename: Rename };

interface Aids {
  readonly extra: Extension; // for the editor
  readonly beforeSave: () => void;
  readonly onRewrite: (selected: Selected) => void;
  readonly dialogs: ReactNode;
  readonly signs: { readonly problems: ReactNode; readonly suggestions: ReactNode };
}

export function useAids(projectId: Id<"projects">, path: string, draft: string, onChange: (text: string) => void): Aids {
  const [asked, setAsked] = useState<Asked | null>(null);
  const say = useNotices();
  const places = use(PlacesContext);
  const server = useLanguageServer(projectId, path, draft.length, {
    uses: (name, uses) => setAsked({ what: "uses", name, uses }),
    rename: (name, rename) => setAsked({ what: "rename", name, rename }),
  });
  const suggesting = useSuggestions(projectId, path);
  const extra = useMemo(() => [server.extension, suggesting.extension], [server.extension, suggesting.extension]);
  const close = () => setAsked(null);
  function rewrite({ selected, by }: { selected: Selected; by: string }) {
    close();
    const text = replaced(draft, selected, by);
    if (text === null) say("What was selected has changed meanwhile: select it again.");
    else onChange(text);
  }
  function dialogOf(now: Asked): ReactNode {
    switch (now.what) {
      case "rewrite": {
        const { selected } = now;
        const done = (by: string) => rewrite({ selected, by });
        return <RewriteDialog projectId={projectId} path={path} selected={selected.text} whole={draft} onDone={done} onClose={close} />;
      }
      case "uses": {
        const open = (other: string, line: number) => places?.open(other, line);
        return <UsesDialog projectId={projectId} name={now.name} uses={now.uses} onOpen={open} onClose={close} />;
      }
      case "rename":
        return <RenameDialog projectId={projectId} name={now.name} rename={now.rename} onClose={close} />;
    }
  }
  const count = server.problems?.count ?? 0;
  return {
    extra,
    beforeSave: server.sync,
    onRewrite: (selected) =>
      selected.text.trim() === "" ? say("Select what is to be rewritten.") : setAsked({ what: "rewrite", selected }),
    dialogs: asked === null ? null : dialogOf(asked),
    signs: {
      problems: count > 0 && (
        <Button look="quiet" title="Show them; F8 goes to the next one" onClick={server.problems?.list}>
          {count === 1 ? "1 problem" : `${count} problems`}
        </Button>
      ),
      suggestions: suggesting.turn !== null && (
        <IconButton
          icon="spark"
          label={suggesting.isOn ? "Suggestions while typing are on" : "Suggestions while typing are off"}
          aria-pressed={suggesting.isOn}
          onClick={() => suggesting.turn?.(!suggesting.isOn)}
        />
      ),
    },
  };
}
