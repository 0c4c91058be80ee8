/** The one door to oclif's flag and argument builders; commands take them from here. */
import { custom as customArg } from '@oclif/core/args';
import { boolean, custom, integer, option, string } from '@oclif/core/flags';

export const Flags = { boolean, custom, integer, option, string };

/** oclif waits for and swallows stdin when an argument is missing; no argument of ours may be read that way. */
const text = customArg<string>({ ignoreStdin: true });
export const Args = { string: text };
