// A file that somebody edits while others may write it. Pure: what is typed is never lost, and nobody is overwritten unseen.
export interface Stored {
  readonly text: string;
  readonly sha256: string;
}

export interface Buffer {
  readonly base: Stored; // what the draft was made from, and is saved against
  readonly draft: string;
  readonly theirs: Stored | null; // what somebody else has written meanwhile
  readonly saving: string | null; // a draft that is on its way
}

export type BufferEvent =
  | { type: "stored"; stored: Stored } // the file is this now
  | { type: "typed"; text: string }
  | { type: "saving" }
  | { type: "saved"; stored: Stored }
  | { type: "notSaved" }
  | { type: "tookTheirs" }
  | { type: "decided"; text: string }; // after a look at both

export function bufferOf(stored: Stored): Buffer {
  return { base: stored, draft: stored.text, theirs: null, saving: null };
}

export function isDirty({ base, draft }: Buffer): boolean {
  return base.text !== draft;
}

export function afterEvent(buffer: Buffer, event: BufferEvent): Buffer {
  const { base, draft, theirs, saving } = buffer;
  switch (event.type) {
    case "stored":
      return afterStored(buffer, event.stored);
    case "typed":
      return { ...buffer, draft: event.text };
    case "saving":
      return { ...buffer, saving: draft };
    case "saved": // the file as it is by now may have been told before
      return { ...buffer, base: theirs === null ? event.stored : base, saving: null };
    case "notSaved":
      return { ...buffer, saving: null };
    case "tookTheirs":
      return theirs === null ? buffer : { ...bufferOf(theirs), saving };
    case "decided":
      return theirs === null ? buffer : { base: theirs, draft: event.text, theirs: null, saving };
  }
}

function afterStored(buffer: Buffer, stored: Stored): Buffer {
  const { base, draft, saving } = buffer;
  if (stored.sha256 === base.sha256) return buffer.theirs === null ? buffer : { ...buffer, theirs: null };
  if (stored.text === draft || draft === base.text) return { ...bufferOf(stored), saving };
  if (stored.text === saving) return { ...buffer, base: stored, theirs: null };
  return { ...buffer, theirs: stored };
}
