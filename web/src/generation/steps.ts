// The steps of a generation in words. Pure.
interface Progress {
  readonly status: "processing" | "completed" | "failed" | "cancelled";
  readonly steps: readonly string[];
  readonly currentStep?: string | undefined;
  readonly verification?: { readonly state: "verified" | "failed" | "notVerified" } | undefined;
}

const WORDS: Readonly<Record<string, string>> = {
  "generate-config-files": "Configuration",
  "generate-source-structure": "Structure",
  "generate-components": "Components",
  "generate-pages": "Pages",
  "generate-hooks": "Hooks",
  "generate-types": "Types",
  "generate-utilities": "Utilities",
  "finalize-readme": "Readme",
  "verify-project": "Checks",
};

export const STEPS: readonly string[] = Object.keys(WORDS);

export function stepWords(step: string): string {
  return WORDS[step] ?? (step.startsWith("repair-") ? `Repair ${step.slice("repair-".length)}` : step);
}

export function doneOf({ steps }: Progress): number {
  return STEPS.filter((step) => steps.includes(step)).length / STEPS.length;
}

/** How it goes, or how it ended, in one line. */
export function headline(progress: Progress): string {
  const { status, currentStep, verification } = progress;
  const done = STEPS.filter((step) => progress.steps.includes(step)).length;
  if (status === "processing")
    return `Generating: ${currentStep === undefined ? "beginning" : stepWords(currentStep)}, ${done} of ${STEPS.length} done`;
  if (status === "failed") return `Generation failed after ${done} of ${STEPS.length} steps`;
  if (status === "cancelled") return `Generation stopped after ${done} of ${STEPS.length} steps`;
  const evidence = { verified: "all checks pass", failed: "a check fails", notVerified: "not checked" };
  return `Generated, ${evidence[verification?.state ?? "notVerified"]}`;
}
