// Tokens and costs in short. Pure.

export interface Taken {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheWriteTokens: number;
  readonly costUsd?: number | undefined;
}

export function tokenWords(tokens: number): string {
  if (tokens < 1_000) return `${tokens}`;
  return tokens < 1_000_000 ? `${(tokens / 1_000).toFixed(tokens < 10_000 ? 1 : 0)}k` : `${(tokens / 1_000_000).toFixed(1)}M`;
}

export function usageWords(usage: Taken): string {
  const read = usage.inputTokens + usage.cacheReadTokens + usage.cacheWriteTokens;
  const words = `${tokenWords(read)} in, ${tokenWords(usage.outputTokens)} out`;
  return usage.costUsd === undefined ? words : `${words}, ${costWords(usage.costUsd)}`;
}

export function costWords(usd: number): string {
  return usd < 0.01 ? `$${usd.toFixed(4)}` : `$${usd.toFixed(2)}`;
}
