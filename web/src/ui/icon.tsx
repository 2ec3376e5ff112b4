// The icons of the page: one stroke, 16 px, drawn here so that nothing is loaded for them.
const PATHS = {
  file: "M4 2h5l3 3v9H4zM9 2v3h3",
  folder: "M2 4h4l1.5 2H14v7H2z",
  chevron: "M6 4l4 4-4 4",
  plus: "M8 3v10M3 8h10",
  close: "M4 4l8 8M12 4l-8 8",
  check: "M3 8.5l3.5 3.5L13 5",
  stop: "M4.5 4.5h7v7h-7z",
  send: "M8 13V3M4 7l4-4 4 4",
  share: "M8 10V2.5M5 5l3-2.5L11 5M4 8H3v5.5h10V8h-1",
  upload: "M8 10V3M5 5.5L8 2.5l3 3M3 10v3.5h10V10",
  retry: "M13 8a5 5 0 1 1-1.5-3.5M13 2v3h-3",
  warn: "M8 2.5l6 11H2zM8 6.5v3M8 11.5v.5",
  clock: "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11zM8 5v3l2 1.5",
  pencil: "M3 13l.5-2.5L10.5 3.5l2 2L5.5 12.5z",
  trash: "M3 4.5h10M6 4.5V3h4v1.5M4.5 4.5l.5 9h6l.5-9",
  search: "M7 3a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM10 10l3.5 3.5",
  chat: "M2.5 3h11v8H7l-3 2.5V11H2.5z",
  code: "M5.5 5L2.5 8l3 3M10.5 5l3 3-3 3",
  more: "M3.5 8h.01M8 8h.01M12.5 8h.01",
  theme: "M8 2.5a5.5 5.5 0 1 0 0 11zM8 2.5a5.5 5.5 0 0 1 0 11",
  spark: "M8 2l1.5 4.5L14 8l-4.5 1.5L8 14l-1.5-4.5L2 8l4.5-1.5z",
  tool: "M10 3a3 3 0 0 0-2.6 4.4L3 11.8 4.2 13l4.4-4.4A3 3 0 1 0 10 3z",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, className }: { name: IconName; className?: string | undefined }) {
  return (
    <svg width="16" height="16" viewBox="0 0 16 16" aria-hidden="true" className={className}>
      <path
        d={PATHS[name]}
        fill="none"
        stroke="currentColor"
        strokeWidth={name === "more" ? 2 : 1.4}
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  );
}
