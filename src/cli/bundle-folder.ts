import { Args, Flags } from './flags.js';
import { usage } from './usage.js';

/** How commands that only read a bundle folder take it: as an argument, or by the flag of `sluice apply`. */
export const folderArgs = {
  dir: Args.string({ description: 'the bundle folder; where none is named, the one you are in' }),
};
export const folderFlags = { file: Flags.string({ char: 'f', helpValue: 'DIR', summary: 'The same as DIR.' }) };

export function bundleFolder(args: { readonly dir: string | undefined }, flags: { readonly file: string | undefined }) {
  if (args.dir !== undefined && flags.file !== undefined) throw usage('Name the folder once: as DIR, or with --file.');
  return args.dir ?? flags.file ?? '.';
}
