/** A dash that stands alone is standard output, and for `query` standard input; the parser takes it for the next flag. */

/** Arguments as the parser understands them. `args`: the command first, as they were typed. */
export function joinDashes(args: string[]): string[] {
  // No flag of this command takes a dash: it is the question, wherever it stands.
  if (args[0] === 'query') return args.map((arg) => (arg === '-' ? '--query=-' : arg));
  return args.flatMap((arg, index) => {
    if (arg === '-' && args[index - 1]?.startsWith('--')) return [];
    return args[index + 1] === '-' && arg.startsWith('--') ? [`${arg}=-`] : [arg];
  });
}
